"""Decoding of recordings: every usual format becomes PCM, everything else is refused, and nothing else is read."""

from __future__ import annotations

import io
import random

import av
import numpy as np
import pytest

from backend.audio import seconds, wav_bytes
from backend.decoding import decode
from backend.errors import InvalidRequest

RATE_HZ = 16_000
FORMATS = {
    "wav": ("pcm_s24le", 44_100),
    "mp3": ("libmp3lame", 44_100),
    "mp4": ("aac", 44_100),
    "ogg": ("libopus", 48_000),
    "webm": ("libopus", 48_000),
    "flac": ("flac", 96_000),
}


def tone(duration_s: float, rate_hz: int) -> np.ndarray:
    """A tone of 440 Hz, float32 in [-1, 1], shape [samples]."""
    return 0.5 * np.sin(2 * np.pi * 440 * np.arange(int(duration_s * rate_hz)) / rate_hz).astype(np.float32)


def encoded(container: str, duration_s: float = 1.0) -> bytes:
    """A stereo file with a tone."""
    codec, rate_hz = FORMATS[container]
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        stream = output.add_stream(codec, rate=rate_hz, layout="stereo")
        frame = av.AudioFrame.from_ndarray(np.tile(tone(duration_s, rate_hz), (2, 1)), "fltp", "stereo")
        frame.sample_rate = rate_hz
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return file.getvalue()


@pytest.mark.parametrize("container", FORMATS)
def test_usual_formats_are_decoded(container):
    """What browsers, phones and OpenAI's clients send becomes mono at the asked rate, as long and as loud as it was."""
    pcm = decode(encoded(container), RATE_HZ)
    assert seconds(pcm, RATE_HZ) == pytest.approx(1.0, abs=0.06)
    samples = np.frombuffer(pcm, "<i2")[2000:14_000] / 32768
    assert np.abs(np.fft.rfft(samples)).argmax() * RATE_HZ / len(samples) == pytest.approx(440, abs=2)
    assert samples.std() == pytest.approx(0.5 / np.sqrt(2), rel=0.1)


@pytest.mark.parametrize("data", [b"", b"hello " * 1000, random.Random(0).randbytes(100_000), wav_bytes(b"", 16_000)])
def test_what_is_no_audio_is_refused(data):
    """Nothing, text, noise and a file without a sample are the client's mistake, and said to be."""
    with pytest.raises(InvalidRequest, match="cannot be decoded as audio"):
        decode(data, RATE_HZ)


def test_a_picture_is_refused():
    """A file with a video track only has nothing to transcribe."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as output:
        stream = output.add_stream("mpeg4", rate=1)
        output.mux(stream.encode(av.VideoFrame(64, 64, "yuv420p")))
        output.mux(stream.encode(None))
    with pytest.raises(InvalidRequest, match="no audio track"):
        decode(file.getvalue(), RATE_HZ)


@pytest.mark.parametrize(
    "reference",
    [
        "ffconcat version 1.0\nfile secret.wav\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nsecret.wav\n#EXT-X-ENDLIST\n",
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 54321 RTP/AVP 0\n",
    ],
    ids=["concat", "hls", "sdp"],
)
def test_references_are_not_followed(reference, tmp_path, monkeypatch):
    """A file that names others makes the server read neither its own files nor anything from the network."""
    (tmp_path / "secret.wav").write_bytes(encoded("wav"))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InvalidRequest):
        decode(reference.encode(), RATE_HZ)


def test_long_recordings_are_refused():
    """Small files can hold hours of silence; memory stays bounded."""
    decode(encoded("flac", 1.9), RATE_HZ, 2)
    with pytest.raises(InvalidRequest, match="longer than 2 s"):
        decode(encoded("flac", 2.1), RATE_HZ, 2)


@pytest.mark.parametrize("container", FORMATS)
def test_damaged_files_are_decoded_or_refused(container):
    """Whatever bytes come, there is PCM or the one error that is the client's."""
    whole, chance = encoded(container), random.Random(7)
    for _ in range(20):
        damaged = bytearray(whole)
        for _ in range(20):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        try:
            pcm = decode(bytes(damaged[: chance.randrange(len(damaged))]), RATE_HZ)
        except InvalidRequest:
            continue
        assert pcm
        assert len(pcm) % 2 == 0
