"""Sample arithmetic: silence at the ends, loudness."""

from __future__ import annotations

import numpy as np
import pytest

from backend.audio import from_float, levelled, power_db, seconds, to_float, trimmed

RATE_HZ = 24_000


def tone(amplitude: float, duration_s: float) -> bytes:
    times = np.arange(int(duration_s * RATE_HZ)) / RATE_HZ
    return from_float((amplitude * np.sin(2 * np.pi * 200 * times)).astype(np.float32))


def test_silence_at_the_ends_goes():
    """What is said stays, with its pauses and a moment around it; how much silence was there does not matter."""
    said = tone(0.3, 1.0) + bytes(RATE_HZ) + tone(0.3, 1.0)
    noise = from_float(np.random.default_rng(0).normal(0, 0.0005, RATE_HZ * 2).astype(np.float32))
    kept = trimmed(noise + said + noise[: RATE_HZ // 2 * 2], RATE_HZ)
    assert seconds(kept, RATE_HZ) == pytest.approx(2.5, abs=0.13)
    assert said in kept
    assert trimmed(bytes(4 * RATE_HZ) + said + bytes(8 * RATE_HZ), RATE_HZ) == trimmed(
        bytes(2 * RATE_HZ) + said + bytes(2 * RATE_HZ), RATE_HZ
    )


@pytest.mark.parametrize("pcm", [b"", bytes(2), bytes(RATE_HZ), tone(0.0005, 1.0)])
def test_nothing_but_silence_is_nothing(pcm):
    """Hiss is not brought up to a voice."""
    assert trimmed(pcm, RATE_HZ) == b""


@pytest.mark.parametrize("amplitude", [0.01, 0.1, 0.9])
def test_recordings_come_to_one_loudness(amplitude):
    """A quiet recording and a loud one of the same voice become the same."""
    assert power_db(levelled(tone(amplitude, 1.0))) == pytest.approx(-20, abs=0.1)


def test_peaks_are_not_cut_off():
    """A quiet voice with one loud click stays below full scale."""
    pcm = tone(0.01, 1.0) + from_float(np.array([0.9], np.float32))
    assert 0.88 < np.abs(to_float(levelled(pcm))).max() < 0.9
    assert levelled(bytes(8)) == bytes(8)
    assert levelled(b"") == b""
