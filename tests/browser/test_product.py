"""The product as it comes: the shipped cast and its own engines, which need no model and no key.

The pictures of the documentation are taken here: `docs/pictures/README.md` says how.
"""

from __future__ import annotations

import re

import pytest
from playwright.async_api import expect

pytestmark = pytest.mark.asyncio(loop_scope="package")

PHONE = {"width": 360, "height": 740}


async def cut_and_heard(visitor) -> None:
    """A conversation in which Nora was cut off and Oscar is being heard."""
    await visitor.say("Nora, what do you think of the storm last night?")
    first = visitor.conversation.get_by_role("article").nth(1)
    await word_is_marked(first, 4)
    await visitor.page.keyboard.press("Escape")
    await visitor.shows_interruption(first)
    await visitor.say("Oscar, do you like the sea?")
    await word_is_marked(visitor.conversation.get_by_role("article").nth(3), 4)


async def word_is_marked(reply, words: int) -> None:
    """Until a word of a reply is marked, after so many different ones."""
    mark = reply.get_by_role("mark")
    for _ in range(words):
        await expect(mark).to_have_text(re.compile(r"\w"))
        await expect(mark).not_to_have_text(await mark.inner_text())
    await expect(mark).to_have_text(re.compile(r"\w"))


async def test_a_conversation_on_a_desktop(serve, visit):
    """One character was cut off at a word, the other is heard and its word is marked; cast and latency tell of both."""
    visitor = await visit(await serve(stt="offline", llm="offline", tts="offline"))
    await cut_and_heard(visitor)
    await visitor.picture("conversation")
    turn = await visitor.wire.until("turn.done", 2)
    assert turn["outcome"] == "completed"
    cast = await visitor.opened("Cast")
    await expect(cast.get_by_role("listitem")).to_have_count(3)
    await visitor.picture("cast")
    await visitor.closes_panel()
    latency = await visitor.opened("Latency")
    await expect(latency.get_by_role("table", name="Oscar")).to_be_visible()
    await expect(latency.get_by_text("Their times say nothing about a real engine.")).to_be_visible()
    await visitor.picture("latency")


async def test_a_conversation_on_a_phone(serve, visit):
    """The same in the dark on a narrow screen, by touch: nothing is wider than that."""
    visitor = await visit(
        await serve(stt="offline", llm="offline", tts="offline"),
        viewport=PHONE,
        has_touch=True,
        color_scheme="dark",
    )
    await cut_and_heard(visitor)
    await visitor.picture("phone")
    assert await visitor.page.evaluate("document.scrollingElement.scrollWidth") <= PHONE["width"]
