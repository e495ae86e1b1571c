"""What axe finds, and what a screen reader is told."""

from __future__ import annotations

import json

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.async_api import expect

from tests.browser.engines import scripted
from tests.browser.visitor import INTERRUPTED

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


@pytest.mark.parametrize("look", LOOKS, ids=["light", "dark", "phone"])
async def test_axe_finds_nothing_serious(serve, visit, look):
    """At the first visit, and in a conversation with a reply that is being heard and one that was cut off."""
    visitor = await visit(await serve(scripted(REPLY)), **look)
    await expect(visitor.page.get_by_role("status").filter(has_text="Connected")).to_be_visible()
    assert await findings(visitor) == []
    await visitor.say("Tell me about the harbour.")
    await visitor.loudspeaker.sounds()
    await visitor.page.keyboard.press("Escape")
    await expect(visitor.conversation.get_by_text(INTERRUPTED)).to_be_visible()
    await visitor.say("Go on.")
    await visitor.loudspeaker.sounds()
    assert await findings(visitor) == []
