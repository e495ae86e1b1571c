"""Sample arithmetic: PCM16, resampling, WAV. Besides, only `time_stretch` and `reference_audio` change samples.

Everywhere in this project "PCM" means PCM16LE mono unless said otherwise; lengths are in samples, rates in Hz.
"""

from __future__ import annotations

import io
import math
import wave
from typing import TYPE_CHECKING

import numpy as np
import soxr

if TYPE_CHECKING:
    from numpy.typing import NDArray

SAMPLE_BYTES = 2


def whole_samples(data: bytes) -> bytes:
    """`data` without a trailing half sample."""
    return data[: len(data) & ~1]


def sample_count(pcm: bytes) -> int:
    """Samples in `pcm`."""
    return len(pcm) // SAMPLE_BYTES


def seconds(pcm: bytes, rate_hz: int) -> float:
    """Duration of `pcm`."""
    return sample_count(pcm) / rate_hz


def to_float(pcm: bytes) -> NDArray[np.float32]:
    """PCM16 -> float32 in [-1, 1), shape [samples]."""
    return np.frombuffer(pcm, "<i2").astype(np.float32) / 32768.0


def from_float(samples: NDArray[np.float32]) -> bytes:
    """float32 in [-1, 1], shape [samples] -> PCM16. Values outside are clipped; they never wrap around."""
    return np.clip(samples * 32767.0, -32768, 32767).astype("<i2").tobytes()


def power_db(pcm: bytes) -> float:
    """Mean power of some `pcm` in decibels of full scale; -120 for silence."""
    samples = to_float(pcm)
    # A dot product: on a window of 32 ms, taking the mean costs three times as much.
    return 10 * math.log10(float(np.dot(samples, samples)) / len(samples) + 1e-12)


class Resampler:
    """Streaming PCM16 resampler; equal rates pass through untouched.

    Output of all `feed` calls and `finish` together equals resampling the whole, with no seam at a chunk's edge.
    """

    def __init__(self, from_hz: int, to_hz: int) -> None:
        self._stream = None if from_hz == to_hz else soxr.ResampleStream(from_hz, to_hz, 1, "int16", "HQ")

    def feed(self, pcm: bytes) -> bytes:
        """Resampled audio that is certain by now; may be empty at first (the filter looks ahead about 10 ms)."""
        return pcm if self._stream is None else self._run(pcm, last=False)

    def finish(self) -> bytes:
        """The rest. The resampler is used up."""
        return b"" if self._stream is None else self._run(b"", last=True)

    def _run(self, pcm: bytes, *, last: bool) -> bytes:
        assert self._stream is not None
        return self._stream.resample_chunk(np.frombuffer(pcm, "<i2"), last=last).tobytes()


def wav_bytes(pcm: bytes, rate_hz: int) -> bytes:
    """A WAV file of `pcm`."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(SAMPLE_BYTES)
        writer.setframerate(rate_hz)
        writer.writeframes(pcm)
    return file.getvalue()


def read_wav(data: bytes, rate_hz: int) -> bytes:
    """PCM at `rate_hz` of a 16-bit WAV file of any rate; channels are mixed. Raises `ValueError` for anything else."""
    try:
        with wave.open(io.BytesIO(data)) as reader:
            width, channels, source_hz = reader.getsampwidth(), reader.getnchannels(), reader.getframerate()
            raw = reader.readframes(reader.getnframes())
    except (wave.Error, EOFError) as error:
        raise ValueError(f"not a WAV file: {error}") from error
    if width != SAMPLE_BYTES:
        raise ValueError(f"a WAV file of {8 * width} bits; only 16 bits are read")
    usable = raw[: len(raw) // (SAMPLE_BYTES * channels) * SAMPLE_BYTES * channels]
    mono = np.frombuffer(usable, "<i2").reshape(-1, channels).mean(axis=1).astype("<i2").tobytes()
    resampler = Resampler(source_hz, rate_hz)
    return resampler.feed(mono) + resampler.finish()
