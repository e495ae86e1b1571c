"""What is rendered of a turn in which several characters speak."""

from __future__ import annotations

import numpy as np
import pytest
from playwright.async_api import expect

from tests.browser.engines import AMPLITUDE, scripted

pytestmark = pytest.mark.asyncio(loop_scope="package")

WINDOW_S = 0.002
"""Whole periods of every tone, so that a tone has the same level in each window."""
REPLY = "The harbour is quiet tonight. The tide turns at four in the morning."


async def test_two_characters_speak_without_a_gap(serve, visit):
    """From the first sample of the one to the last of the other the page renders no silence: the server sends none."""
    engines = scripted(REPLY, character_s=0.02)
    visitor = await visit(await serve(engines))
    await visitor.say("Oscar and Iris, what do you think of rain?")
    turn = await visitor.wire.until("turn.done")
    await visitor.loudspeaker.is_silent()
    samples, rate_hz = await visitor.loudspeaker.recording()
    sound = np.trim_zeros(np.where(np.abs(samples) > 0.01, samples, 0))
    levels = windows(sound, rate_hz)
    assert levels.min() > 0.75 * AMPLITUDE / 32768 / np.sqrt(2)
    audio_s = sum(reply["audio_s"] for reply in turn["ledger"])
    assert len(sound) / rate_hz == pytest.approx(audio_s, abs=0.01)
    halves = np.array_split(sound, 2)
    assert [round(pitch_hz(half, rate_hz), -1) for half in halves] == list(engines.tts.pitches_hz.values())


async def test_an_answer_can_be_had_again(serve, visit):
    """Again has another answer in the place of the last one, on the page, when it is loaded again, and in memory."""
    engines = scripted("It will rain.", "It will snow.", "As I said.", character_s=0.01)
    visitor = await visit(await serve(engines))
    await expect(visitor.button("Again")).to_be_hidden()
    await visitor.say("What will tomorrow be like?")
    await visitor.wire.until("turn.done")
    await visitor.button("Again").click()
    await visitor.wire.until("turn.done", 2)
    articles = visitor.conversation.get_by_role("article")
    for _ in range(2):
        await expect(articles).to_have_count(2)
        await expect(articles.first).to_contain_text("What will tomorrow be like?")
        await expect(articles.last).to_contain_text("It will snow.")
        await visitor.page.reload()
    await visitor.say("Are you sure?")
    await visitor.wire.until("turn.done", 3)
    assert "snow" in str(engines.llm.requests[-1])
    assert "rain" not in str(engines.llm.requests[-1])


def windows(sound: np.ndarray, rate_hz: int) -> np.ndarray:
    """The level of each whole window of some sound."""
    length = round(WINDOW_S * rate_hz)
    whole = sound[: len(sound) - len(sound) % length].reshape(-1, length)
    return np.sqrt(np.mean(whole**2, axis=1))


def pitch_hz(sound: np.ndarray, rate_hz: int) -> float:
    """Where most of the energy is."""
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
    return float(np.argmax(spectrum)) * rate_hz / len(sound)
