"""Somebody speaks to the page: what is said shows, what is answered is rendered, and cutting in silences it."""

from __future__ import annotations

import re

import numpy as np
import pytest
from playwright.async_api import expect

from backend.client.evaluation.words import word_errors, words
from tests.browser.engines import AnsweringLanguageModel, scripted
from tests.scripted import ScriptedSpeechToText

pytestmark = pytest.mark.asyncio(loop_scope="package")

SENTENCE = "the meeting starts at nine in the morning"
REPLY = "The harbour is quiet tonight, the boats are in, and the tide turns at four in the morning. " * 4


async def test_a_spoken_sentence_is_answered_aloud(chromium, serve, visit):
    """The default product with its own engines: transcript, captions and sound, from what a microphone hears."""
    await chromium.record(SENTENCE)
    visitor = await visit(await serve(stt="offline", llm="offline", tts="offline"))
    await visitor.button("Turn on the microphone").click()
    heard = (await visitor.wire.until("turn.started"))["text"]
    assert word_errors(words(SENTENCE), words(heard)) <= len(words(SENTENCE)) // 2, heard
    await expect(visitor.conversation).to_contain_text(heard)
    written = await visitor.wire.until("reply.sentence")
    await expect(visitor.conversation).to_contain_text(written["text"])
    await visitor.loudspeaker.has_sounded(0.5, since=0)
    assert np.abs((await visitor.loudspeaker.recording())[0]).max() > 0.05


async def test_escape_silences_the_page(serve, visit):
    """The sound stops at once, for good, and the caption shows what was not heard."""
    visitor = await visit(await serve(scripted(REPLY)))
    await visitor.say("Tell me about the harbour.")
    await visitor.loudspeaker.sounds()
    await visitor.page.keyboard.press("Escape")
    await visitor.loudspeaker.is_silent()
    await cut_shows(visitor)
    await visitor.loudspeaker.is_silent(2)


async def test_cutting_in_silences_the_page(chromium, serve, visit):
    """Words of the person's stop the character who is heard, and are answered."""
    hears = ScriptedSpeechToText("tell me about the harbour", "no wait please stop", partials={600: "no wait"})
    writes = AnsweringLanguageModel({"harbour": REPLY, "stop": "Very well."})
    visitor = await visit(await serve(scripted(llm=writes, stt=hears)))
    await chromium.record("tell me about the harbour")
    await visitor.button("Turn on the microphone").click()
    await visitor.wire.until("turn.started")
    await visitor.loudspeaker.sounds()
    await visitor.button("Microphone").click()
    await chromium.record("no, wait, please stop")
    await visitor.button("Microphone").click()
    await visitor.wire.until("turn.started", 2)
    await cut_shows(visitor)
    await expect(visitor.conversation).to_contain_text("Very well.")
    await visitor.loudspeaker.is_silent()
    samples, rate_hz = await visitor.loudspeaker.recording()
    assert np.count_nonzero(np.abs(samples) > 0.01) / rate_hz < 0.04 * len(REPLY) / 2


async def cut_shows(visitor) -> None:
    """The first reply is marked as interrupted, and a part of it is struck."""
    await visitor.shows_interruption(visitor.conversation.get_by_role("article").nth(1))
    await expect(visitor.struck.first).to_have_text(re.compile(r"\w"))
