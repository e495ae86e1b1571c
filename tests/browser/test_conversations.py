"""A conversation that is left, and one that is loaded again."""

from __future__ import annotations

from itertools import groupby

import pytest
from playwright.async_api import expect

from tests.browser.engines import scripted
from tests.browser.visitor import Visitor

pytestmark = pytest.mark.asyncio(loop_scope="package")

SAID = ("When does the tide turn?", "The tide turns at four.")


async def converse(visitor) -> None:
    """One turn, to its end."""
    await visitor.say(SAID[0])
    await visitor.wire.until("turn.done")


async def shows_once(visitor, lines: tuple[str, ...]) -> None:
    """Until these are the lines of the conversation."""
    articles = visitor.conversation.get_by_role("article")
    await expect(articles).to_have_count(len(lines))
    for place, line in enumerate(lines):
        await expect(articles.nth(place)).to_contain_text(line)


async def test_a_stored_conversation_goes_on(serve, visit):
    """From the panel: its lines are shown again, what is said goes there, and the characters remember."""
    engines = scripted(SAID[1], "As I said, at four.", character_s=0.01)
    visitor = await visit(await serve(engines))
    await converse(visitor)
    panel = await visitor.opened("Conversations")
    await panel.get_by_role("button", name="New conversation").click()
    await shows_once(visitor, ())
    await visitor.connected()
    panel = await visitor.opened("Conversations")
    await panel.get_by_role("button", name=f"Go on with: {SAID[0]}").click()
    await shows_once(visitor, SAID)
    await visitor.say("And tomorrow?")
    await shows_once(visitor, (*SAID, "And tomorrow?", "As I said, at four."))
    prompt = str(engines.llm.requests[-1])
    assert prompt.index(SAID[0]) < prompt.index(SAID[1]) < prompt.index("And tomorrow?")
    first, other, last = (id for id, _ in groupby(ready["conversation"] for ready in visitor.wire.of("session.ready")))
    assert first == last != other


async def test_a_page_that_is_loaded_again(serve, visit):
    """It is in the same session and shows each line once."""
    visitor = await visit(await serve(scripted(SAID[1], "As I said, at four.", character_s=0.01)))
    await converse(visitor)
    await visitor.page.reload()
    await shows_once(visitor, SAID)
    await visitor.say("And tomorrow?")
    await shows_once(visitor, (*SAID, "And tomorrow?", "As I said, at four."))
    assert len(sessions(visitor)) == 1


async def test_a_second_window_takes_over(serve, visit):
    """Of two windows on one session the newer has it; the older says so, and can have it back."""
    first = await visit(await serve(scripted(SAID[1], character_s=0.01)))
    await converse(first)
    second = Visitor(await first.page.context.new_page())
    kept = await first.page.evaluate("Object.entries(sessionStorage)")
    await second.page.add_init_script(f"for (const entry of {kept}) sessionStorage.setItem(...entry);")
    await second.page.goto(first.page.url)
    await shows_once(second, SAID)
    for old, new in ((first, second), (second, first)):
        await expect(old.page.get_by_text("This conversation goes on in another window.")).to_be_visible()
        await new.connected()
        await old.picture("in-another-window")
        if old is first:
            await old.button("Go on here").click()
    await shows_once(first, SAID)
    assert len(sessions(first) | sessions(second)) == 1


def sessions(visitor) -> set[str]:
    """Every session that the page has had."""
    return {ready["session"] for ready in visitor.wire.of("session.ready")}
