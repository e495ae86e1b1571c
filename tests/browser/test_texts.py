"""Texts that are long, narrow, or written from right to left."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.browser.engines import scripted

pytestmark = pytest.mark.asyncio(loop_scope="package")

SMALL_PHONE = {"width": 320, "height": 568}
SENTENCES = tuple(f"Sentence {number} says that the tide turns at four in the morning. " for number in range(420))
SCRIPTS = {
    "arabic": "المد يتحول في الرابعة صباحا.",
    "hebrew": "הגאות מתחלפת בארבע בבוקר.",
    "chinese": "潮水在凌晨四点转向，然后渔船再次出海。",
    "japanese": "潮は朝の四時に変わり、それから船はまた海へ出ます。",
}
UNBROKEN = "https://harbour.example/" + "tide" * 40

ENDS = """(node) => {
  const walker = document.createTreeWalker(node, NodeFilter.SHOW_TEXT);
  const texts = [];
  while (walker.nextNode()) if (walker.currentNode.data.trim()) texts.push(walker.currentNode);
  const place = (text, at) => {
    const range = document.createRange();
    range.setStart(text, at);
    range.setEnd(text, at + 1);
    return range.getBoundingClientRect();
  };
  const last = texts.at(-1);
  return [place(texts[0], 0).x, place(last, last.data.trimEnd().length - 1).x];
}"""
"""Where the first and the last letter of an element stand, from the left."""


async def test_a_very_long_reply(serve, visit):
    """5,000 words later the page still scrolls by itself to what is said, and answers what is typed."""
    written = "".join(SENTENCES).rstrip()
    assert len(written.split()) >= 5000
    visitor = await visit(await serve(scripted(SENTENCES, "Very well.", character_s=0.0001, token_s=0.0)))
    await visitor.say("Tell me everything.")
    await visitor.wire.until("turn.done")
    reply = visitor.conversation.get_by_role("paragraph").last
    assert (await reply.inner_text()).strip() == written
    bottom = await reply.evaluate("node => node.getBoundingClientRect().bottom")
    assert bottom <= (await visitor.message.bounding_box())["y"] + 1
    await visitor.picture("long-reply")
    await visitor.say("Thank you.")
    await expect(visitor.conversation.get_by_text("Very well.")).to_be_in_viewport()


@pytest.mark.parametrize("name", ["arabic", "hebrew"])
async def test_right_to_left(serve, visit, name):
    """Words and the full stop after them run from the right, in what one types and in what is answered."""
    text = SCRIPTS[name]
    visitor = await visit(await serve(scripted(text)))
    await visitor.say(text)
    await visitor.wire.until("turn.done")
    for line in (
        visitor.conversation.get_by_role("paragraph").first,
        visitor.conversation.get_by_role("paragraph").last,
    ):
        first, last = await line.evaluate(ENDS)
        assert last < first
    await visitor.picture(f"right-to-left-{name}")


async def test_a_small_phone(serve, visit):
    """At 320 px nothing runs over the edge: not the welcome, not unbroken text in any script."""
    replies = (UNBROKEN, *SCRIPTS.values())
    visitor = await visit(await serve(scripted(*replies, character_s=0.002)), viewport=SMALL_PHONE, has_touch=True)
    await visitor.connected()
    await fits(visitor)
    await visitor.picture("phone-first-visit")
    for number, text in enumerate(replies, 1):
        await visitor.say(text)
        await visitor.wire.until("turn.done", number)
        await expect(visitor.conversation.get_by_text(text, exact=True).last).to_be_visible()
        await fits(visitor)
    await visitor.picture("phone-conversation")


async def fits(visitor) -> None:
    """Nothing is wider than the screen, and every control is on it."""
    width = visitor.page.viewport_size["width"]
    assert await visitor.page.evaluate("document.scrollingElement.scrollWidth") <= width
    for control in (visitor.message, visitor.button("Send"), visitor.button("Microphone")):
        box = await control.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
    rights = "node => [...node.querySelectorAll('*')].map((part) => part.getBoundingClientRect().right)"
    assert max(await visitor.page.get_by_role("main").evaluate(rights)) <= width
