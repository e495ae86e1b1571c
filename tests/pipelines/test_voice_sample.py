"""An uploaded recording as a voice is cloned from it."""

from __future__ import annotations

import pytest

from backend.audio import seconds, wav_bytes
from backend.encoding import encoded
from backend.errors import InvalidRequest
from backend.pipelines.voice_sample import RATE_HZ, prepared
from backend.reference_audio import speech_level_db
from tests.test_reference_audio import noise, pcm, silence, voice

MARGINS_S = 0.2


def recorded(level_db: float, duration_s: float = 5.0) -> bytes:
    """PCM of somebody in a quiet room, with a second of silence at either end."""
    return silence(1) + pcm(voice(level_db, duration_s) + noise(level_db - 60, duration_s)) + silence(1)


@pytest.mark.parametrize("form", ["wav", "flac", "mp3", "opus", "aac"])
@pytest.mark.parametrize("level_db", [-36, -15])
def test_every_recording_comes_to_one_length_and_loudness(form, level_db):
    """Whatever it was recorded with, the silence goes and the speech is at -20 dB; the same file is the same sample."""
    data = encoded(form, recorded(level_db), RATE_HZ)
    sample = prepared(data)
    assert seconds(sample.pcm, RATE_HZ) == pytest.approx(5 + MARGINS_S, abs=0.1)
    assert speech_level_db(sample.pcm, RATE_HZ) == pytest.approx(-20, abs=0.5)
    assert prepared(data) == sample
    assert sample.warnings == ()


@pytest.mark.parametrize("duration_s", [3.0, 29.6])
def test_what_is_long_enough_and_not_too_long(duration_s):
    """The bounds are those that are documented, and count what is kept."""
    assert prepared(wav_bytes(recorded(-20, duration_s), RATE_HZ)).pcm


@pytest.mark.parametrize(
    ("duration_s", "said"), [(2.5, "lasts 2.7 s; a voice takes 3 to 30 s: record"), (30.5, "30.7 s; .*: cut it")]
)
def test_too_short_and_too_long_say_how_long_and_what_to_do(duration_s, said):
    """Who uploads a recording cannot see what counts as silence in it."""
    with pytest.raises(InvalidRequest, match=said):
        prepared(wav_bytes(recorded(-20, duration_s), RATE_HZ))


@pytest.mark.parametrize(("level_db", "warnings"), [(-45, 1), (-30, 0)])
def test_a_quiet_recording_is_taken_with_a_warning(level_db, warnings):
    """It is brought to the loudness of all others, and its noise with it."""
    sample = prepared(wav_bytes(recorded(level_db), RATE_HZ))
    assert speech_level_db(sample.pcm, RATE_HZ) == pytest.approx(-20, abs=0.5)
    assert len(sample.warnings) == warnings
    assert all(f"quiet, at {level_db} dB" in warning for warning in sample.warnings)


def test_a_recording_at_the_noise_of_its_recorder_is_no_voice():
    """Raised by 40 dB it would be mostly noise."""
    with pytest.raises(InvalidRequest, match="dB of full scale, where -50 is the least"):
        prepared(wav_bytes(recorded(-55), RATE_HZ))
