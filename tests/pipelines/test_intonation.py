"""How the melody of a voice ends. Voices are made of pulses, so that their pitch is known; two are synthesised."""

from __future__ import annotations

import asyncio
import math
from itertools import pairwise

import numpy as np
import pytest

from backend.audio import Resampler, from_float
from backend.pipelines.intonation import HEARD_MS, RATE_HZ, final_rise
from tests.engines import contract


def voice(*hertz: float, ms: int = 100, noise: float = 0.0, quiet_ms: int = 96) -> bytes:
    """A buzz that glides from each pitch to the next in `ms`, then quiet."""
    track = np.concatenate([np.linspace(a, b, RATE_HZ * ms // 1000) for a, b in pairwise(hertz)])
    phase = np.cumsum(track / RATE_HZ)
    buzz = sum(np.sin(2 * np.pi * n * phase) / n for n in range(1, 12)) * 0.1
    signal = np.concatenate((buzz, np.zeros(RATE_HZ * quiet_ms // 1000)))
    return from_float((signal + np.random.default_rng(0).normal(0, noise, len(signal))).astype(np.float32))


@pytest.mark.parametrize("hertz", [90, 120, 200, 300])
def test_the_rise_is_measured_in_semitones_at_every_height(hertz):
    """Men, women and children: a glide of a third over 300 ms is about a semitone in the 85 ms between the ends."""
    third = 2 ** (4 / 12)
    up, down = final_rise(voice(hertz, hertz * third, ms=300)), final_rise(voice(hertz * third, hertz, ms=300))
    assert up == pytest.approx(0.9, abs=0.25)
    assert down == pytest.approx(-0.9, abs=0.25)


def test_a_level_voice_does_not_rise():
    """The threshold stands clear of what measuring errs by."""
    assert abs(final_rise(voice(140, 140, ms=400))) < 0.1


@pytest.mark.parametrize("noise", [0.005, 0.03])
def test_noise_does_not_turn_a_fall_into_a_rise(noise):
    """A room that hums or hisses has no melody."""
    assert final_rise(voice(160, 160, 120, ms=200, noise=noise)) < -0.5


def test_a_click_where_the_voice_breaks_off_is_no_pitch():
    """Voices end on stray periods, an octave or two above."""
    falling = np.frombuffer(voice(150, 110, ms=300, quiet_ms=0), "<i2")
    click = np.frombuffer(voice(390, 390, ms=12, quiet_ms=96), "<i2")
    assert final_rise(np.concatenate((falling, click)).tobytes()) < 0


@pytest.mark.parametrize("pcm", [b"", bytes(2), bytes(400), bytes(2 * RATE_HZ)])
def test_what_has_no_pitch_has_no_melody(pcm):
    """Nothing is known of silence, nor of a whisper."""
    assert final_rise(pcm) is None


def test_too_little_voice_does_not_tell():
    """Half a syllable has a pitch, and rises or falls by chance."""
    assert math.isnan(final_rise(voice(120, 150, ms=60)))


def test_only_the_end_counts():
    """What was sung before is forgotten: no more than the last `HEARD_MS` is looked at."""
    end = voice(150, 120, ms=300)
    before = voice(100, 300, ms=2 * HEARD_MS)
    assert final_rise(before + bytes(2 * RATE_HZ) + end) == final_rise(bytes(2 * RATE_HZ) + end)


@pytest.mark.parametrize(("text", "rises"), [("I went to the park.", False), ("I went to the park,", True)])
def test_a_comma_is_heard(text, rises):
    """The offline voices read a comma and a full stop as people do."""
    resampler = Resampler(24_000, RATE_HZ)
    pcm = resampler.feed(asyncio.run(contract.spoken(text, "nova"))) + resampler.finish()
    samples = np.frombuffer(pcm, "<i2")
    ended = int(np.flatnonzero(np.abs(samples) > 200)[-1])
    assert (final_rise(samples[: ended + 1000].tobytes()) > 0.3) is rises
