"""Telling a character's own voice in the microphone from the person's."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from backend.audio import Resampler, from_float, sample_count, to_float
from backend.pipelines.echo import ALIKE, KEPT_S, EchoReference
from tests.engines import contract

HZ, MIC_HZ = 24_000, 16_000


def spoken(text: str, voice: str) -> bytes:
    return asyncio.run(contract.spoken(text, voice))


@pytest.fixture(scope="module")
def character() -> bytes:
    """What is played, as the microphone would hear it at full level: PCM16 16 kHz, several seconds."""
    return spoken("The sea was quiet that morning, and I could hear the bells of the harbour across the water.", "nova")


@pytest.fixture(scope="module")
def person() -> bytes:
    return spoken("Wait, stop, I wanted to ask you about something else, can you tell me about the mountains?", "onyx")


def likenesses(character: bytes, microphone: np.ndarray, lag_s: float = 0.0) -> list[float]:
    """Twice a second from the first second on, with audio sent 1.5 s ahead of a position that lags behind the truth."""
    resampler, reference = Resampler(MIC_HZ, HZ), EchoReference(HZ)
    played = resampler.feed(character) + resampler.finish()
    noise = np.random.default_rng(0).normal(0, 3e-4, len(microphone)).astype(np.float32)
    pcm, sent, found = from_float(microphone + noise), 0, []
    for at in range(MIC_HZ, min(len(microphone), len(character) // 2 - MIC_HZ), MIC_HZ // 2):
        position = int((at / MIC_HZ - lag_s) * HZ)
        ahead = min(len(played), (position + HZ * 3 // 2) * 2)
        reference.sent(played[sent:ahead])
        sent = ahead
        found.append(reference.likeness(pcm[(at - 10_240) * 2 : at * 2], position))
    assert len(found) >= 5
    return found


@pytest.mark.parametrize("level_db", [-10, -20, -30])
@pytest.mark.parametrize(("delay_s", "lag_s"), [(0.05, 0.0), (0.2, 0.1), (0.4, -0.05)])
def test_an_echo_is_recognised(character, level_db, delay_s, lag_s):
    """However quiet, and with the position known to a quarter of a second only, the character's voice is its own."""
    delay = int(delay_s * MIC_HZ)
    microphone = np.concatenate((np.zeros(delay, np.float32), to_float(character))) * np.float32(10 ** (level_db / 20))
    assert min(likenesses(character, microphone, lag_s)) >= ALIKE


def test_a_person_is_not(character, person):
    """Other words by another voice are nobody's echo."""
    assert max(likenesses(character, to_float(person))) < ALIKE


def test_a_person_over_an_echo_is_heard(character, person):
    """Whoever speaks up while the character's voice is still coming in is noticed."""
    length = min(len(character), len(person)) // 2
    both = to_float(person)[:length] + 0.1 * to_float(character)[:length]
    assert max(likenesses(character, both)) < ALIKE


def test_without_enough_to_compare_nothing_is_an_echo(character):
    """Silence, a reply that has just begun and a microphone that has are not explained away."""
    reference = EchoReference(HZ)
    assert reference.likeness(character[:20_000], 0) == 0
    reference.sent(bytes(2 * HZ))
    assert reference.likeness(character[:20_000], HZ) < ALIKE
    assert reference.likeness(b"", HZ) == 0


def test_memory_is_bounded():
    """However long a turn is, no more is kept than can still be on its way to the ear."""
    reference = EchoReference(HZ)
    for _ in range(100):
        reference.sent(bytes(HZ))
    assert sample_count(bytes(reference._kept)) <= KEPT_S * HZ
