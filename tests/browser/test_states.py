"""The states that a person meets, and what the page says in each."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.browser.engines import scripted
from tests.scripted import ScriptedSpeechToText

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def test_first_visit(serve, visit):
    """Who is new learns with whom one talks here and how, and nothing is asked of them yet."""
    visitor = await visit(await serve(scripted()))
    await visitor.connected()
    await expect(visitor.page.get_by_role("heading", name="Talk with Nora, Oscar and Iris")).to_be_visible()
    await expect(visitor.button("Turn on the microphone")).to_be_enabled()
    for name in ("Nora", "Oscar", "Iris"):
        await expect(visitor.button(name)).to_have_attribute("aria-pressed", "false")
    await expect(visitor.message).to_be_editable()
    await expect(visitor.button("Stop")).to_be_hidden()
    await visitor.picture("first-visit")


async def test_permission_denied(serve, visit):
    """Who refuses the microphone is told how to allow it later, and can type."""
    visitor = await visit(await serve(scripted("Very well.")), permissions=[])
    await visitor.button("Turn on the microphone").click()
    await expect(visitor.page.get_by_text("does not let this page use the microphone")).to_be_visible()
    await expect(visitor.button("Microphone")).to_have_attribute("aria-pressed", "false")
    await visitor.picture("permission-denied")
    await visitor.say("Hello?")
    await expect(visitor.conversation).to_contain_text("Very well.")


async def test_no_microphone(serve, visit):
    """A machine without a microphone is one to type on."""
    visitor = await visit(await serve(scripted("Very well.")))
    await visitor.page.evaluate(
        """() => {
             const none = () => Promise.reject(new DOMException("none", "NotFoundError"));
             navigator.mediaDevices.getUserMedia = none;
           }"""
    )
    await visitor.button("Turn on the microphone").click()
    await expect(visitor.page.get_by_text("No microphone was found")).to_be_visible()
    await visitor.picture("no-microphone")
    await visitor.say("Hello?")
    await expect(visitor.conversation).to_contain_text("Very well.")


async def test_session_full(serve, visit):
    """One person too many is told so, and let in once there is room."""
    address = await serve(scripted(), max_sessions=1)
    first = await visit(address)
    await first.connected()
    second = await visit(address)
    await expect(second.page.get_by_text("The server is full at the moment")).to_be_visible()
    await second.picture("session-full")
    await first.page.close()
    await second.connected()


async def test_engine_loading(serve, visit):
    """An engine that is not there yet says how far it is, and then that it is there."""
    hears = ScriptedSpeechToText()
    hears.ready, hears.detail = False, "fetching 34 % of 145 MB"
    engines = scripted(stt=hears)
    visitor = await visit(await serve(engines))
    await visitor.connected()
    await expect(visitor.page.get_by_text("fetching 34 % of 145 MB", exact=True)).to_be_visible()
    await visitor.picture("engine-loading")
    hears.ready, hears.detail = True, ""
    engines.changed.set()
    await expect(visitor.page.get_by_text("fetching")).to_have_count(0)


async def test_stand_ins(serve, visit):
    """Engines that only stand in for better ones say so, and what they are."""
    visitor = await visit(await serve(stt="offline", llm="offline", tts="offline"))
    await visitor.connected()
    stand_ins = visitor.page.get_by_text("stand-in", exact=True)
    await expect(stand_ins).to_have_count(3)
    await stand_ins.first.click()
    await expect(visitor.page.get_by_text("eSpeak NG, a robotic voice that needs no model")).to_be_visible()
    await visitor.picture("stand-ins")
