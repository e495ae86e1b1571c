"""Reference recordings as they come in: files, and bytes that somebody else has sent."""

from __future__ import annotations

import io
import wave
from typing import TYPE_CHECKING

import numpy as np
import pytest

from boson_multimodal.audio_files import content_bytes, cut, read_audio, wav_bytes
from boson_multimodal.data_types import AudioContent

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "voice.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes(b"\0\1" * 16_000)
    return path


def test_a_file_and_its_bytes_are_the_same(recording: Path) -> None:
    """However a recording is given, it is read alike."""
    samples, rate = read_audio(recording)
    again, same_rate = read_audio(recording.read_bytes())
    assert (rate, len(samples)) == (same_rate, 16_000)
    assert (samples == again).all()


def test_two_channels_are_as_loud_as_one(recording: Path) -> None:
    """A voice recorded in stereo is the same voice: louder, it would be another one to whoever imitates it."""
    stereo = recording.with_name("stereo.wav")
    with wave.open(str(stereo), "wb") as file:
        file.setparams((2, 2, 16_000, 0, "NONE", ""))
        file.writeframes(b"\0\1\0\1" * 16_000)
    assert (read_audio(stereo)[0] == read_audio(recording)[0]).all()


@pytest.mark.parametrize("channels", [6, 8, 16])
def test_any_number_of_channels_is_mixed(recording: Path, channels: int) -> None:
    """What a surround microphone sends is heard like everything else."""
    surround = recording.with_name("surround.wav")
    with wave.open(str(surround), "wb") as file:
        file.setparams((channels, 2, 16_000, 0, "NONE", ""))
        file.writeframes(b"\0\1" * channels * 16_000)
    assert (read_audio(surround)[0] == read_audio(recording)[0]).all()


def test_a_rate_is_bounded_and_the_rest_cut(recording: Path) -> None:
    """How much memory a second takes is not the file's to say, and a voice is no longer than is asked for."""
    fast = recording.with_name("fast.wav")
    with wave.open(str(fast), "wb") as file:
        file.setparams((1, 2, 192_000, 0, "NONE", ""))
        file.writeframes(b"\0\1" * 192_000)
    samples, rate = read_audio(fast)
    assert (rate, len(samples)) == (48_000, 48_000)
    assert len(read_audio(fast, max_seconds=0.5, cut=True)[0]) == 24_000


def test_sent_bytes_open_no_file(recording: Path) -> None:
    """A playlist sent as a recording would otherwise read any file of the server's."""
    with pytest.raises(ValueError, match="cannot be read as audio"):
        read_audio(f"ffconcat version 1.0\nfile {recording}\n".encode())


def test_what_is_no_audio(tmp_path: Path) -> None:
    """Clear errors for what cannot be a recording."""
    with pytest.raises(ValueError, match="cannot be read as audio"):
        read_audio(b"no audio at all")
    with pytest.raises(ValueError, match="there is no audio file"):
        read_audio(tmp_path / "nothing.wav")


def test_no_more_is_decoded_than_asked_for(recording: Path) -> None:
    """A small file may hold hours of silence: it is refused by its length in seconds."""
    assert len(read_audio(recording, max_seconds=1.0)[0]) == 16_000
    with pytest.raises(ValueError, match=r"longer than 0\.5 s"):
        read_audio(recording, max_seconds=0.5)


@pytest.mark.parametrize("rate_hz", [16_000, 24_000])
def test_a_wav_file_holds_what_it_was_given(rate_hz: int) -> None:
    """The header says the rate and the form, the body is the sound."""
    with wave.open(io.BytesIO(wav_bytes(b"\1\2\3\4", rate_hz))) as reader:
        assert (reader.getnchannels(), reader.getsampwidth(), reader.getframerate()) == (1, 2, rate_hz)
        assert reader.readframes(9) == b"\1\2\3\4"


def test_a_content_is_its_file_or_what_it_holds(recording: Path) -> None:
    """A message may name a recording or carry it; what it carries counts."""
    assert content_bytes(AudioContent(str(recording))) == recording.read_bytes()
    assert content_bytes(AudioContent(str(recording), raw_audio="AAEC")) == b"\0\1\2"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (AudioContent("/nowhere/voice.wav"), "there is no audio file /nowhere/voice.wav"),
        (AudioContent("placeholder"), "neither a file nor raw_audio"),
        (AudioContent("", raw_audio="a?!"), "not base64"),
    ],
)
def test_a_content_without_a_recording_says_so(content: AudioContent, message: str) -> None:
    """Who writes a message learns what it lacks."""
    with pytest.raises(ValueError, match=message):
        content_bytes(content)


@pytest.mark.parametrize(
    ("offset", "duration", "expected"),
    [(None, None, range(10)), (0.3, None, range(3, 10)), (None, 0.4, range(4)), (0.3, 0.4, range(3, 7))],
)
def test_a_part_of_a_recording_is_cut_out(offset: float | None, duration: float | None, expected: range) -> None:
    """Seconds from the beginning, for so many seconds; what is not said is the beginning and the rest."""
    samples = np.arange(10, dtype=np.float32)
    assert cut(samples, 10, AudioContent("a.wav", None, offset, duration)).tolist() == list(expected)
