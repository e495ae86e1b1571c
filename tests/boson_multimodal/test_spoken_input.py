"""Recordings in a chat reach the server as 16 kHz mono WAV in parts of at most 25 s."""

from __future__ import annotations

import base64
import io
import wave

import av
import numpy as np
import pytest

from boson_multimodal.spoken_input import AudioLimits, SpokenInputError, audio_parts, cut_pcm


def tone(seconds: float, rate: int, channels: int = 1) -> np.ndarray:
    """A tone of 440 Hz, int16 `[samples, channels]`."""
    samples = np.sin(2 * np.pi * 440 * np.arange(round(seconds * rate)) / rate) * 8000
    return np.repeat(samples.astype("<i2")[:, None], channels, axis=1)


def wav(seconds: float, rate: int, channels: int = 1) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setparams((channels, 2, rate, 0, "NONE", ""))
        writer.writeframes(tone(seconds, rate, channels).tobytes())
    return file.getvalue()


def compressed(seconds: float, kind: str, codec: str, rate: int) -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format=kind) as container:
        stream = container.add_stream(codec, rate=rate, layout="mono")
        frame = av.AudioFrame.from_ndarray(tone(seconds, rate).T.copy(), format="s16", layout="mono")
        frame.rate = rate
        for piece in av.AudioResampler(stream.format, "mono", rate, frame_size=stream.frame_size).resample(frame):
            container.mux(stream.encode(piece))
        container.mux(stream.encode(None))
    return file.getvalue()


def as_part(data: bytes, kind: str = "wav") -> dict:
    return {"type": "input_audio", "input_audio": {"data": base64.b64encode(data).decode(), "format": kind}}


def heard(part: dict) -> np.ndarray:
    """The samples of a part as it is sent, of which the form is checked."""
    with wave.open(io.BytesIO(base64.b64decode(part["input_audio"]["data"]))) as reader:
        assert (reader.getnchannels(), reader.getsampwidth(), reader.getframerate()) == (1, 2, 16_000)
        return np.frombuffer(reader.readframes(reader.getnframes()), "<i2")


@pytest.mark.parametrize(
    "data",
    [
        wav(1, 8_000),
        wav(1, 44_100, channels=2),
        compressed(1, "mp3", "libmp3lame", 44_100),
        compressed(1, "ogg", "libopus", 48_000),
    ],
    ids=["8 kHz", "44.1 kHz stereo", "mp3", "opus"],
)
def test_any_format_is_sent_alike(data):
    """Whatever is recorded, the model hears the same second of the same tone, whatever the part calls the format."""
    (part,) = audio_parts(as_part(data, "mp3"), "input_audio")
    samples = heard(part)
    assert abs(len(samples) - 16_000) < 1600
    strongest = np.argmax(np.abs(np.fft.rfft(samples))) * 16_000 / len(samples)
    assert abs(strongest - 440) < 3
    assert 6000 < np.abs(samples).max() < 12_000


def test_loud_channels_are_not_clipped():
    """Two channels at full scale mixed into one are still a tone, without the overtones of clipping."""
    loud = (tone(0.5, 16_000, channels=2).astype(np.float64) * 4).astype("<i2")
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setparams((2, 2, 16_000, 0, "NONE", ""))
        writer.writeframes(loud.tobytes())
    (part,) = audio_parts(as_part(file.getvalue()), "input_audio")
    spectrum = np.abs(np.fft.rfft(heard(part)))
    assert spectrum[3 * 220] < spectrum[220] / 1000


def test_a_minute_is_three_parts_and_nothing_is_lost():
    """The encoder hears 25 s at a time; the parts are the whole in order."""
    parts = audio_parts(as_part(wav(60, 16_000)), "input_audio")
    assert [len(heard(part)) for part in parts] == [320_000] * 3
    whole = np.concatenate([heard(part) for part in parts])
    assert np.abs(whole - tone(60, 16_000)[:, 0]).max() <= 1


@pytest.mark.parametrize(("samples", "pieces"), [(0, []), (1, [1]), (25, [25]), (26, [13, 13]), (76, [19, 19, 19, 19])])
def test_pieces_are_as_few_and_as_equal_as_can_be(samples, pieces):
    """No piece is longer than allowed, and none so short that the encoder finds nothing in it."""
    pcm = np.arange(samples, dtype="<i2").tobytes()
    cut = cut_pcm(pcm, rate_hz=1)
    assert b"".join(cut) == pcm
    assert [len(piece) // 2 for piece in cut] == pieces


def test_parts_can_be_sent_as_urls():
    """Servers that take `audio_url` get the same file as a data: URL, and such a URL is taken as well."""
    (part,) = audio_parts(as_part(wav(0.5, 16_000)), "input_audio")
    (url,) = audio_parts(as_part(wav(0.5, 16_000)), "audio_url")
    assert url == {
        "type": "audio_url",
        "audio_url": {"url": "data:audio/wav;base64," + part["input_audio"]["data"]},
    }
    assert audio_parts(url, "input_audio") == [part]


def test_headerless_pcm_is_taken_for_what_openai_means_by_it():
    """`pcm16` is 24 kHz mono, and half a sample at its end is nobody's."""
    (part,) = audio_parts(as_part(tone(0.5, 24_000).tobytes() + b"\0", "pcm16"), "input_audio")
    assert len(heard(part)) == 8000


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ({"type": "input_audio", "input_audio": {"data": "a?!"}}, "not base64"),
        ({"type": "input_audio", "input_audio": None}, "has no input_audio.data"),
        ({"type": "audio_url", "audio_url": {"url": "http://10.0.0.1/a.wav"}}, "not fetched"),
        ({"type": "audio_url", "audio_url": {"url": "data:audio/wav,abc"}}, "not base64"),
        (as_part(b"no sound"), "cannot be used"),
        (as_part(b"", "pcm16"), "has no input_audio.data"),
        (as_part(b"\0", "pcm16"), "no sound"),
        (as_part(wav(2, 8_000)), "longer than 1 s"),
        (as_part(tone(2, 24_000).tobytes(), "pcm16"), "longer than 1 s"),
        (as_part(bytes(150_000), "pcm16"), "at most 199999"),
    ],
)
def test_what_cannot_be_used_is_refused_with_a_reason(part, message):
    """A client learns what to change; nothing is fetched, and nothing beyond the limits is decoded."""
    with pytest.raises(SpokenInputError, match=message):
        audio_parts(part, "input_audio", AudioLimits(seconds=1.0, characters=199_999))
