"""Faster and slower speech at its own pitch."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.audio import from_float, power_db, sample_count, to_float
from backend.time_stretch import TimeStretch

RATE_HZ = 24_000
PITCH_HZ = 140.0
SPEEDS = (0.25, 0.5, 1.25, 2.0, 4.0)


def vowel(duration_s: float) -> bytes:
    """Harmonics of a wavering 140 Hz under two formants, like a long /a/."""
    t = np.arange(round(duration_s * RATE_HZ)) / RATE_HZ
    phase = 2 * np.pi * PITCH_HZ * t - 0.15 * np.cos(2 * np.pi * 5 * t)  # 0.5 % vibrato, five times a second
    orders = np.arange(1, 25)
    weights = sum(np.exp(-np.square((orders * PITCH_HZ - formant) / 200)) for formant in (700, 1200)) + 0.05
    wave = np.sin(np.outer(phase, orders)) @ weights
    return from_float((0.5 * wave / np.abs(wave).max(initial=1e-9)).astype(np.float32))


def sine(duration_s: float, hz: float) -> bytes:
    t = np.arange(round(duration_s * RATE_HZ)) / RATE_HZ
    return from_float((0.5 * np.sin(2 * np.pi * hz * t)).astype(np.float32))


def stretched(pcm: bytes, speed: float, chunk: int = 4800) -> bytes:
    stretch = TimeStretch(RATE_HZ, speed)
    chunks = [stretch.feed(pcm[at : at + chunk]) for at in range(0, len(pcm), chunk)]
    return b"".join((*chunks, stretch.finish()))


def pitch_hz(pcm: bytes) -> float:
    """Median over windows of 50 ms of the autocorrelation's peak between 70 and 280 Hz."""
    samples, window = to_float(pcm).astype(np.float64), RATE_HZ // 20
    lags = np.arange(RATE_HZ // 280, RATE_HZ // 70)
    found = []
    for at in range(0, len(samples) - 2 * window, window):
        here = samples[at : at + window]
        later = [samples[at + lag : at + lag + window] for lag in lags]
        likeness = [here @ there / (np.linalg.norm(there) + 1e-9) for there in later]
        found.append(RATE_HZ / lags[int(np.argmax(likeness))])
    return float(np.median(found))


@pytest.mark.parametrize("speed", SPEEDS)
@pytest.mark.parametrize("duration_s", [0.2, 1.0, 5.0])
def test_it_lasts_as_long_as_the_speed_says(speed, duration_s):
    """What is asked for at half speed takes twice as long."""
    pcm = vowel(duration_s)
    assert sample_count(stretched(pcm, speed)) == pytest.approx(sample_count(pcm) / speed, abs=1)


@pytest.mark.parametrize("speed", SPEEDS)
def test_the_pitch_stays(speed):
    """A voice that speaks faster is no higher, or it would be somebody else's."""
    assert pitch_hz(vowel(2.0)) == pytest.approx(PITCH_HZ, rel=0.02)
    assert pitch_hz(stretched(vowel(2.0), speed)) == pytest.approx(PITCH_HZ, rel=0.02)


@pytest.mark.parametrize("speed", SPEEDS)
@pytest.mark.parametrize("duration_s", [0.2, 2.0])
def test_it_is_as_loud_as_before(speed, duration_s):
    """Windows add up in phase: none is weakened by the one it overlaps."""
    pcm = vowel(duration_s)
    assert power_db(stretched(pcm, speed)) == pytest.approx(power_db(pcm), abs=1.0)


@pytest.mark.parametrize("speed", SPEEDS)
@pytest.mark.parametrize("hz", [110.0, 437.0, 1501.0])
def test_a_sine_has_no_click(speed, hz):
    """No sample jumps further from the one before than it does in the input."""
    pcm = sine(1.0, hz)
    steps, original = (np.abs(np.diff(to_float(sound))).max() for sound in (stretched(pcm, speed), pcm))
    assert steps <= 1.05 * original


@settings(max_examples=60, deadline=None)
@given(
    cuts=st.lists(st.integers(0, 12_000), max_size=40),
    speed=st.floats(0.25, 4.0),
    noise=st.booleans(),
)
def test_chunks_leave_no_trace(cuts, speed, noise):
    """The output is the same bytes however the input was cut."""
    pcm = np.random.default_rng(1).integers(-32768, 32767, 12_000, "<i2").tobytes() if noise else vowel(0.5)
    places = [0, *(2 * cut for cut in sorted(cuts)), len(pcm)]
    stretch = TimeStretch(RATE_HZ, speed)
    pieces = [stretch.feed(pcm[begin:end]) for begin, end in itertools.pairwise(places)]
    assert b"".join((*pieces, stretch.finish())) == stretched(pcm, speed, chunk=len(pcm))


@pytest.mark.parametrize("speed", SPEEDS)
def test_it_comes_while_the_input_does(speed):
    """Speech is heard while it is being made: output is never more than 100 ms of input behind."""
    pcm, stretch, made = vowel(1.0), TimeStretch(RATE_HZ, speed), 0
    for fed in range(480, sample_count(pcm) + 1, 480):
        made += sample_count(stretch.feed(pcm[2 * (fed - 480) : 2 * fed]))
        assert fed - made * speed <= 0.1 * RATE_HZ


@pytest.mark.parametrize("speed", SPEEDS)
@pytest.mark.parametrize("samples", [0, 1, 2, 100, 700, 1103, 1104, 1105, 2000])
def test_very_short_input_is_stretched_too(speed, samples):
    """A reply of a syllable, a click or nothing at all lasts as long as it should and is no louder than it was."""
    pcm = vowel(0.2)[: 2 * samples]
    out = stretched(pcm, speed)
    assert sample_count(out) == round(samples / speed)
    assert np.abs(to_float(out)).max(initial=0) <= np.abs(to_float(pcm)).max(initial=0) + 1e-4


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 44_100, 48_000])
def test_any_rate(rate_hz):
    """Voices come at their own rates."""
    stretch = TimeStretch(rate_hz, 1.5)
    assert sample_count(stretch.feed(bytes(2 * rate_hz)) + stretch.finish()) == round(rate_hz / 1.5)


def test_the_usual_speed_changes_nothing():
    """Who asks for no other speed gets the voice's own samples, at once."""
    stretch = TimeStretch(RATE_HZ, 1.0)
    assert stretch.feed(b"\x01\x02" * 7) == b"\x01\x02" * 7
    assert stretch.finish() == b""


def test_silence_stays_silent():
    """Where nothing resembles anything, nothing is divided by nothing."""
    assert stretched(bytes(2 * RATE_HZ), 2.0) == bytes(RATE_HZ)


@pytest.mark.parametrize("speed", [0.0, 0.2, 4.1, -1.0, float("nan")])
def test_other_speeds_are_refused(speed):
    """A speed out of range is said to be, instead of giving noise."""
    with pytest.raises(ValueError, match=r"0\.25 to 4\.0"):
        TimeStretch(RATE_HZ, speed)
