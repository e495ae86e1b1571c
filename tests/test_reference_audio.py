"""A recording to imitate: silence at its ends, its loudness, and what a recorder did to it."""

from __future__ import annotations

import numpy as np
import pytest

from backend.audio import SAMPLE_BYTES, from_float, power_db, seconds, to_float
from backend.reference_audio import flat_share, levelled, speech_level_db, trimmed

RATE_HZ = 24_000


def silence(duration_s: float) -> bytes:
    return bytes(SAMPLE_BYTES * int(duration_s * RATE_HZ))


def noise(level_db: float, duration_s: float, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 10 ** (level_db / 20), int(duration_s * RATE_HZ))


def voice(level_db: float, duration_s: float) -> np.ndarray:
    """A buzz at 120 Hz, as loud as that while it sounds, in syllables of different loudness with soft ends."""
    times = np.arange(int(duration_s * RATE_HZ)) / RATE_HZ
    buzz = sum(np.cos(2 * np.pi * 120 * k * times) / k for k in range(1, 30))
    stress = 10 ** (np.random.default_rng(0).uniform(-8, 0, 200) / 20)
    loudness = stress[(4 * times).astype(int)] * np.abs(np.sin(2 * np.pi * 2 * times)) ** 0.5
    sound = buzz * loudness
    return sound / np.sqrt(np.square(sound).mean()) * 10 ** (level_db / 20)


def pcm(*parts: np.ndarray) -> bytes:
    return from_float(np.concatenate(parts).astype(np.float32))


@pytest.mark.parametrize("noise_db", [-90, -65, -50, -42])
@pytest.mark.parametrize("level_db", [-12, -20])
def test_silence_at_the_ends_goes(level_db, noise_db):
    """In a quiet room and in a loud one, what is said stays, with its pauses and a moment around it."""
    parts = [noise(noise_db, 2.0), voice(level_db, 1.5), noise(noise_db, 0.6, 1), voice(level_db, 1.5)]
    kept = trimmed(pcm(*parts, noise(noise_db, 3.0, 2)), RATE_HZ)
    assert seconds(kept, RATE_HZ) == pytest.approx(1.5 + 0.6 + 1.5 + 0.2, abs=0.06)
    assert pcm(voice(level_db, 1.5)[2400:-2400]) in kept


def test_how_much_silence_there_was_does_not_matter():
    """The same words are the same sample, whenever the recorder was started and stopped."""
    said = pcm(voice(-20, 2.0))
    once = trimmed(silence(1) + said + silence(2), RATE_HZ)
    assert once == trimmed(silence(2) + said + silence(0.5), RATE_HZ)
    assert trimmed(once, RATE_HZ) == once


def test_a_click_is_no_voice():
    """The click that starts a recording is cut off with the silence after it, and hides no voice that is quieter."""
    click = 0.9 * np.sign(noise(0, 0.02))
    kept = trimmed(pcm(click, noise(-80, 2.0), voice(-35, 3.0), noise(-80, 1.0)), RATE_HZ)
    assert seconds(kept, RATE_HZ) == pytest.approx(3.2, abs=0.06)


@pytest.mark.parametrize("sound", [b"", bytes(2), silence(1), pcm(noise(-70, 1.0)), pcm(noise(0, 0.03))])
def test_nothing_but_silence_is_nothing(sound):
    """Hiss is not brought up to a voice, nor is a click one."""
    assert trimmed(sound, RATE_HZ) == b""
    assert levelled(silence(1), RATE_HZ) == silence(1)


@pytest.mark.parametrize("pause_s", [0.0, 3.0])
@pytest.mark.parametrize("level_db", [-50, -40, -30, -20, -15])
def test_speech_comes_to_one_loudness(level_db, pause_s):
    """A quiet recording and a loud one become the same, to half a decibel, however long the pauses."""
    said = [voice(level_db, 2.0), noise(-90, pause_s), voice(level_db, 2.0)]
    assert speech_level_db(pcm(*said), RATE_HZ) == pytest.approx(level_db, abs=0.5)
    after = levelled(pcm(*said), RATE_HZ)
    assert speech_level_db(after, RATE_HZ) == pytest.approx(-20, abs=0.5)
    assert len(after) == len(pcm(*said))


def test_peaks_are_turned_down_and_nothing_else():
    """A voice with one loud click comes to its loudness all the same; the click stays below full scale."""
    said = voice(-40, 3.0)
    clicked = said.copy()
    clicked[36_000] = 0.9
    after = to_float(levelled(pcm(clicked), RATE_HZ))
    assert np.abs(after).max() <= 10 ** (-1 / 20) + 1e-4
    expected = to_float(levelled(pcm(said), RATE_HZ))
    changed = np.flatnonzero(np.abs(after - expected) > 0.1 * np.abs(expected) + 0.001)
    assert np.abs(changed - 36_000).max() < 0.015 * RATE_HZ


def test_a_constant_offset_is_no_sound():
    """Cheap recorders shift everything by a little; that is neither loud nor kept."""
    shifted = pcm(voice(-30, 3.0) + 0.1, np.full(RATE_HZ, 0.1))
    assert seconds(trimmed(shifted, RATE_HZ), RATE_HZ) == pytest.approx(3.1, abs=0.06)
    after = levelled(trimmed(shifted, RATE_HZ), RATE_HZ)
    assert abs(to_float(after).mean()) < 0.01
    assert power_db(after) == pytest.approx(-20, abs=0.5)


@pytest.mark.parametrize(("gain_db", "least", "most"), [(0, 0, 0.002), (9, 0.006, 0.03), (15, 0.03, 0.3)])
def test_clipping_is_found(gain_db, least, most):
    """What was recorded too loud has flat tops, also when it has been turned down since."""
    like_speech = np.random.default_rng(0).laplace(0, 0.1, 72_000)
    louder = np.clip(like_speech / np.abs(like_speech).max() * 10 ** (gain_db / 20), -1, 1)
    for turned in (1.0, 0.3):
        assert least <= flat_share(pcm(louder * turned)) <= most
    assert flat_share(silence(1)) == 0
