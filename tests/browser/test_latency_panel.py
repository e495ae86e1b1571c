"""Where the time of a turn went, as the panel tells it."""

from __future__ import annotations

import json

import pytest
from playwright.async_api import expect

from tests.browser.engines import scripted

pytestmark = pytest.mark.asyncio(loop_scope="package")

STAGES = [
    "Turn decided",
    "Transcript final",
    "LLM request",
    "LLM first token",
    "First sentence",
    "TTS request",
    "TTS first audio",
    "First frame sent",
    "Time to first audio",
    "First sample played",
]
CLIPBOARD = ["clipboard-read", "clipboard-write"]


async def test_a_turn_is_accounted_for(serve, visit):
    """Every stage is there by name, the time to first audio is the server's, and what is copied is its ledger."""
    visitor = await visit(await serve(scripted("Very well.", character_s=0.01)), permissions=CLIPBOARD)
    panel = await visitor.opened("Latency")
    await expect(panel.get_by_role("table")).to_have_count(0)
    await visitor.closes_panel()
    await visitor.say("Nora, are you there?")
    turn = await visitor.wire.until("turn.done")
    panel = await visitor.opened("Latency")
    stages = panel.get_by_role("table", name="Nora")
    await expect(stages).to_be_visible()
    assert await stages.get_by_role("rowheader").all_inner_texts() == STAGES
    waited_ms = turn["ledger"][0]["first_frame_sent"] * 1000
    total = stages.get_by_role("row", name="Time to first audio")
    await expect(total.get_by_role("cell").last).to_have_text(f"{waited_ms:.0f}")
    await expect(panel).to_contain_text(f"{waited_ms:.0f} ms from your message to the first audio")
    await panel.get_by_role("button", name="Copy as JSON").click()
    await expect(panel.get_by_role("status").filter(has_text="Copied.")).to_be_visible()
    copied = json.loads(await visitor.page.evaluate("navigator.clipboard.readText()"))
    assert copied["ledger"] == turn["ledger"]
    assert copied["names"] == ["Nora"]
