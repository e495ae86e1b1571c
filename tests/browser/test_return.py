"""The server goes away in the middle of a conversation and comes back."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.browser.process import kill, server
from tests.openai_server import serve_openai

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def test_a_conversation_survives_the_death_of_its_server(visit):
    """Killed and started again: the page comes back by itself, shows what was said, and the characters remember it."""
    async with serve_openai(reply="The tide turns at four.") as writer:
        engines = ("--stt", "offline", "--tts", "offline", "--llm", "openai")
        options = (*engines, "--llm-base-url", writer.base_url, "--llm-api-key", "none")
        async with server(0, *options) as (port, process):
            visitor = await visit(f"http://127.0.0.1:{port}", tapped=False)
            await visitor.say("When does the tide turn?")
            await visitor.wire.until("turn.done")
            before = visitor.wire.of("session.ready")[-1]
            await kill(process)
            await expect(visitor.page.get_by_role("status").filter(has_text="Reconnecting")).to_be_visible()
            await expect(visitor.page.get_by_text("does not answer")).to_be_visible()
            await visitor.picture("server-gone")
        known = len(visitor.wire.of("session.ready"))
        async with server(port, *options):
            after = await visitor.wire.until("session.ready", known + 1)
            assert after["session"] != before["session"]
            assert after["conversation"] == before["conversation"]
            await expect(visitor.page.get_by_role("status").filter(has_text="Connected again")).to_be_visible()
            await visitor.picture("server-back")
            for line in ("When does the tide turn?", "The tide turns at four."):
                await expect(visitor.conversation).to_contain_text(line)
            writer.reply = "As I said, at four."
            await visitor.say("And tomorrow?")
            await expect(visitor.conversation).to_contain_text("As I said, at four.")
            prompt = str(writer.requests[-1][1]["messages"])
            assert prompt.index("When does the tide turn?") < prompt.index("The tide turns at four.")
            await expect(visitor.page.get_by_text("do not remember")).to_have_count(0)
