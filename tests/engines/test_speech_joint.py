"""Takes of one text become one speech."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.audio import sample_count
from backend.engines.speech_joint import SpeechJoint

RATE_HZ = 24_000


def tone(seconds: float, hz: float = 220.0, amplitude: float = 0.3) -> bytes:
    """A sound of which no 10 ms are silent."""
    at = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    return (amplitude * 32767 * np.sin(2 * np.pi * hz * at)).astype("<i2").tobytes()


def noise(seconds: float, seed: int) -> bytes:
    """Speech of a kind: loud, and never the same."""
    return np.random.default_rng(seed).integers(-9000, 9000, int(seconds * RATE_HZ), "<i2").tobytes()


def silence(seconds: float) -> bytes:
    return bytes(2 * int(seconds * RATE_HZ))


def fed(joint: SpeechJoint, take: bytes, piece: int = 3000) -> bytes:
    """What is heard of a take that comes in pieces of so many bytes."""
    return b"".join(joint.feed(take[start : start + piece]) for start in range(0, len(take), piece))


@given(st.lists(st.integers(0, 30_000), max_size=4), st.integers(2, 9000).map(lambda n: n // 2 * 2))
def test_takes_that_are_the_same_are_joined_to_the_sample(breaks, piece):
    """Wherever takes of a deterministic server break off, what is heard is the whole speech and nothing else."""
    speech = noise(1.0, seed=1)
    joint, heard = SpeechJoint(RATE_HZ, joins=True), b""
    for samples in breaks:
        heard += fed(joint, speech[: 2 * samples], piece)
        joint.next_take()
    heard += fed(joint, speech, piece) + joint.finish()
    assert heard == speech
    assert joint.passed == joint.position == sample_count(speech)


def test_one_take_passes_through_untouched():
    """Where there is only one server nothing is kept back."""
    joint, speech = SpeechJoint(RATE_HZ, joins=False), noise(0.1, seed=1)
    assert [joint.feed(speech[:2]), joint.feed(speech[2:]), joint.finish()] == [speech[:2], speech[2:], b""]


def test_little_is_kept_back():
    """Of the first piece, all but 10 ms are heard at once."""
    joint = SpeechJoint(RATE_HZ, joins=True)
    assert sample_count(joint.feed(noise(0.05, seed=1))) == 0.04 * RATE_HZ


def test_another_take_goes_on_from_a_quiet_place():
    """A word that was broken off is begun again where the pause before it is, not in its middle."""
    word = tone(0.3)
    first, second = word + silence(0.1) + tone(0.2), word + silence(0.1) + noise(0.5, seed=2)
    joint = SpeechJoint(RATE_HZ, joins=True)
    heard = fed(joint, first)
    joint.next_take()
    heard += fed(joint, second) + joint.finish()
    begun_again = sample_count(heard) - sample_count(second[-2 * int(0.5 * RATE_HZ) :])
    assert heard.endswith(second[-2 * int(0.5 * RATE_HZ) :])
    assert 0.59 * RATE_HZ <= begun_again <= 0.62 * RATE_HZ


def test_another_take_without_a_quiet_place_goes_on_from_the_same_sample():
    """Then nothing is heard twice, and the change is faded over: no step larger than either sound has."""
    joint = SpeechJoint(RATE_HZ, joins=True)
    heard = fed(joint, tone(0.5))
    joint.next_take()
    heard += fed(joint, tone(1.0, hz=300.0)) + joint.finish()
    assert sample_count(heard) == RATE_HZ
    steps = np.abs(np.diff(np.frombuffer(heard, "<i2").astype(int)))
    assert steps.max() <= 1.1 * 0.3 * 32767 * 2 * np.pi * 300 / RATE_HZ


def test_a_shorter_take_adds_nothing():
    """What was heard goes further than the other take; it ends without a click."""
    joint = SpeechJoint(RATE_HZ, joins=True)
    heard = fed(joint, tone(0.5))
    joint.next_take()
    heard += fed(joint, noise(0.4, seed=3)) + joint.finish()
    assert sample_count(heard) == 0.5 * RATE_HZ
    assert abs(int(np.frombuffer(heard, "<i2")[-1])) < 300


@pytest.mark.parametrize("level", [0.0, 5e-4])
def test_silence_is_like_silence(level):
    """A break in a pause goes on with the pause, whatever hisses in it."""
    hiss = (level * np.random.default_rng(4).standard_normal(12_000) * 32767).astype("<i2").tobytes()
    joint = SpeechJoint(RATE_HZ, joins=True)
    heard = fed(joint, tone(0.5) + silence(0.2))
    joint.next_take()
    heard += fed(joint, noise(0.5, seed=5) + hiss + tone(0.1)) + joint.finish()
    assert sample_count(heard) == sample_count(noise(0.5, seed=5) + hiss + tone(0.1))


@given(
    st.lists(st.tuples(st.integers(0, 4), st.floats(0.0, 1.0)), min_size=1, max_size=4),
    st.integers(2, 9000).map(lambda n: n // 2 * 2),
)
def test_takes_of_any_kind_are_joined_to_about_the_same_length(takes, piece):
    """Whichever takes break off where: what is heard is counted, is as long as the longest way into a take, and at most
    a word longer for each change."""
    joint, heard, furthest = SpeechJoint(RATE_HZ, joins=True), b"", 0
    for kind, share in takes:
        sound = silence(0.5) + noise(0.5, seed=kind) if kind % 2 else noise(0.4, seed=kind) + tone(0.3) + silence(0.2)
        joint.next_take()
        heard += fed(joint, sound[: 2 * int(share * RATE_HZ)], piece)
        furthest = max(furthest, sample_count(sound[: 2 * int(share * RATE_HZ)]))
    heard += joint.finish()
    assert joint.passed == sample_count(heard)
    assert joint.position == furthest
    assert furthest <= sample_count(heard) <= furthest + 0.4 * RATE_HZ * (len(takes) - 1)
