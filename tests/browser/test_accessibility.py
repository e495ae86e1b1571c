"""What axe finds, and what a screen reader is told."""

from __future__ import annotations

import json

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.async_api import expect

from tests.browser.engines import scripted

pytestmark = pytest.mark.asyncio(loop_scope="package")

PHONE = {"width": 360, "height": 740}
REPLY = "The harbour is quiet tonight, the boats are in, and the tide turns at four in the morning. " * 4
LOOKS = [{"color_scheme": "light"}, {"color_scheme": "dark"}, {"color_scheme": "light", "viewport": PHONE}]


async def findings(visitor) -> list[str]:
    """Everything that axe calls serious or critical on the page as it is."""
    await visitor.page.evaluate(AXE_SCRIPT)
    results = await visitor.page.evaluate("axe.run({ resultTypes: ['violations'] })")
    return [
        f"{finding['id']}: {finding['help']}: " + json.dumps([node["html"] for node in finding["nodes"]])
        for finding in results["violations"]
        if finding["impact"] in ("serious", "critical")
    ]


PANELS = ("Cast", "Conversations", "Latency", "Settings")


@pytest.mark.parametrize("look", LOOKS, ids=["light", "dark", "phone"])
async def test_axe_finds_nothing_serious(serve, visit, look):
    """At the first visit, and in a conversation with a reply that is being heard and one that was cut off."""
    visitor = await visit(await serve(scripted(REPLY)), **look)
    await visitor.connected()
    assert await findings(visitor) == []
    await visitor.say("Tell me about the harbour.")
    await visitor.loudspeaker.sounds()
    await visitor.page.keyboard.press("Escape")
    await visitor.shows_interruption(visitor.conversation.get_by_role("article").last)
    await visitor.say("Go on.")
    await visitor.loudspeaker.sounds()
    assert await findings(visitor) == []


@pytest.mark.parametrize("look", LOOKS, ids=["light", "dark", "phone"])
async def test_axe_finds_nothing_serious_in_the_panels(serve, visit, look):
    """Each panel, with something in it where a turn brings that; closed by Esc, it gives the focus back."""
    visitor = await visit(await serve(scripted("Very well.")), **look)
    await visitor.say("Hello?")
    await visitor.wire.until("turn.done")
    for name in PANELS:
        await visitor.button(name).focus()
        await visitor.page.keyboard.press("Enter")
        await expect(visitor.page.get_by_role("dialog", name=name)).to_be_visible()
        assert await findings(visitor) == [], name
        await visitor.picture(f"{name.lower()}-{look['color_scheme']}-{'phone' if 'viewport' in look else 'desktop'}")
        await visitor.closes_panel()
        await expect(visitor.button(name)).to_be_focused()
