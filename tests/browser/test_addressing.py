"""Saying who should answer."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.browser.engines import scripted

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def test_a_name_after_an_at_sign_addresses(serve, visit):
    """A name begun with @ is completed, and the message goes to that character alone, without the sign."""
    visitor = await visit(await serve(scripted("Very well.")))
    await visitor.connected()
    await visitor.message.press_sequentially("@i")
    offered = visitor.page.get_by_role("listbox", name="Characters").get_by_role("option")
    await expect(offered).to_have_text(["Iris"])
    await visitor.message.press("Enter")
    await expect(visitor.message).to_have_value("@Iris ")
    await expect(offered).to_have_count(0)
    await visitor.message.press_sequentially("what grows there?")
    await visitor.message.press("Enter")
    assert (await visitor.wire.until("turn.started"))["characters"] == ["iris"]
    assert visitor.wire.sent_of("user.text") == [
        {"type": "user.text", "text": "Iris what grows there?", "to": ["iris"]}
    ]


async def test_escape_closes_the_names_and_interrupts_nobody(serve, visit):
    """Of several names the arrow keys choose one; Esc takes the list away and leaves the text as it is."""
    visitor = await visit(await serve(scripted()))
    await visitor.connected()
    await visitor.message.press_sequentially("@")
    offered = visitor.page.get_by_role("listbox", name="Characters").get_by_role("option")
    await expect(offered).to_have_text(["Nora", "Oscar", "Iris"])
    await visitor.message.press("ArrowDown")
    await expect(offered.nth(1)).to_have_attribute("aria-selected", "true")
    await visitor.message.press("Escape")
    await expect(offered).to_have_count(0)
    await expect(visitor.message).to_have_value("@")
    assert visitor.wire.sent_of("interrupt") == []


async def test_a_tap_on_a_portrait_addresses(serve, visit):
    """Who is tapped answers, in that order and until tapped again; then it is the server's choice once more."""
    visitor = await visit(await serve(scripted("Very well.", character_s=0.01)))
    for name in ("Oscar", "Nora"):
        await visitor.button(name).click()
        await expect(visitor.button(name)).to_have_attribute("aria-pressed", "true")
    await visitor.say("What do you think of rain?")
    assert (await visitor.wire.until("turn.started"))["characters"] == ["oscar", "nora"]
    await visitor.wire.until("turn.done")
    for name in ("Oscar", "Nora"):
        await visitor.button(name).click()
        await expect(visitor.button(name)).to_have_attribute("aria-pressed", "false")
    await visitor.say("And of wind?")
    await visitor.wire.until("turn.started", 2)
    assert [message.get("to") for message in visitor.wire.sent_of("user.text")] == [["oscar", "nora"], None]
