"""Speech as files of the usual formats, written while it is being made.

Every encoder gives bytes out soon after it was given samples: no format here is told how long the audio will be, and
none goes back to write it down. The names are those of `response_format` in OpenAI's speech API.
"""

from __future__ import annotations

import struct
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self, cast

import numpy as np

from backend.audio import SAMPLE_BYTES, sample_count, wav_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from av import AudioFrame

UNKNOWN_LENGTH = 0xFFFFFFFF


class Encoder(ABC):
    """PCM in, whole samples in chunks of any size; a file out, piece by piece.

    Use it as a context manager, or `close` it: one that is only forgotten keeps its memory until cycles are collected.
    A file without audio, too, is one that players take. After `finish` or `close` nothing more is fed; an encoder with
    a codec raises `ValueError` then.
    """

    @abstractmethod
    def feed(self, pcm: bytes) -> bytes:
        """The part of the file that is certain by now; may be empty."""

    @abstractmethod
    def finish(self) -> bytes:
        """The rest. The encoder is used up."""

    @abstractmethod
    def close(self) -> None:
        """Let go of the codec; what was not finished is dropped. Can be called again."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@dataclass(frozen=True, slots=True)
class Codec:
    """How FFmpeg is asked for a format."""

    muxer: str
    encoder: str
    bit_rate: int = 0  # bits a second; 0 where the sound decides
    muxer_options: Mapping[str, str] = field(default_factory=dict[str, str])

    def nearest_rate(self, rate_hz: int) -> int:
        """The lowest rate the encoder takes that loses nothing, or else its highest; in Hz."""
        import av

        rates = av.Codec(self.encoder, "w").audio_rates or [rate_hz]
        return min((rate for rate in rates if rate >= rate_hz), default=max(rates))


class _Sink:
    """Where a muxer writes."""

    def __init__(self) -> None:
        self._written = bytearray()

    def write(self, data: bytes) -> int:
        self._written += data
        return len(data)

    def take(self) -> bytes:
        """What was written since the last time."""
        taken = bytes(self._written)
        self._written.clear()
        return taken


class _Coded(Encoder):
    """A codec of FFmpeg's in a container of FFmpeg's.

    MP3 and AAC in these containers cannot say by how much their encoders are late: a frame or two of near silence goes
    first, about 50 ms at 24 kHz.
    """

    def __init__(self, codec: Codec, rate_hz: int) -> None:
        import av

        self._rate_hz = rate_hz
        self._fed = 0
        self._sink = _Sink()
        self._closed = False
        options = {"flush_packets": "1", **codec.muxer_options}
        self._container = cast("Any", av.open(self._sink, "w", format=codec.muxer, options=options))
        self._stream = self._container.add_stream(codec.encoder, rate=codec.nearest_rate(rate_hz), layout="mono")
        self._stream.bit_rate = codec.bit_rate

    def feed(self, pcm: bytes) -> bytes:
        import av

        self._check_open()
        if not pcm:
            return b""
        frame = av.AudioFrame.from_ndarray(np.frombuffer(pcm, "<i2")[np.newaxis], format="s16", layout="mono")
        frame.sample_rate, frame.time_base, frame.pts = self._rate_hz, Fraction(1, self._rate_hz), self._fed
        self._fed += sample_count(pcm)
        return self._encoded(frame)

    def finish(self) -> bytes:
        self._check_open()
        # Players refuse a file without a single frame.
        begun = b"" if self._fed else self.feed(bytes(SAMPLE_BYTES))
        flushed = self._encoded(None)
        self.close()
        return begun + flushed + self._sink.take()

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._container.close()

    def _encoded(self, frame: AudioFrame | None) -> bytes:
        self._container.mux(self._stream.encode(frame))
        return self._sink.take()

    def _check_open(self) -> None:
        if self._closed:
            raise ValueError("the encoder is closed")


class _Raw(Encoder):
    """The samples themselves after a `header`."""

    def __init__(self, header: bytes = b"") -> None:
        self._header = header

    def feed(self, pcm: bytes) -> bytes:
        header, self._header = self._header, b""
        return header + pcm

    def finish(self) -> bytes:
        return self.feed(b"")

    def close(self) -> None:
        pass


def wav_header(rate_hz: int) -> bytes:
    """Header of a WAV file whose length is not known: the sizes are 0xFFFFFFFF, which players read as "to the end".

    Of audio that is known whole, `backend.audio.wav_bytes` makes a file with its true sizes.
    """
    layout = struct.pack("<HHIIHH", 1, 1, rate_hz, rate_hz * SAMPLE_BYTES, SAMPLE_BYTES, 8 * SAMPLE_BYTES)
    riff = struct.pack("<4sI4s", b"RIFF", UNKNOWN_LENGTH, b"WAVE")
    return riff + struct.pack("<4sI", b"fmt ", len(layout)) + layout + struct.pack("<4sI", b"data", UNKNOWN_LENGTH)


@dataclass(frozen=True, slots=True)
class Format:
    """What a format is called over HTTP, and what makes it at a rate in Hz."""

    media_type: str
    encoder: Callable[[int], Encoder]


MP3 = Codec("mp3", "libmp3lame", 64_000, {"write_xing": "0", "id3v2_version": "0"})
OPUS = Codec("ogg", "libopus", 32_000, {"page_duration": "20000"})  # microseconds
AAC = Codec("adts", "aac", 64_000)
FLAC = Codec("flac", "flac", muxer_options={"metadata_header_padding": "0"})
FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        "mp3": Format("audio/mpeg", partial(_Coded, MP3)),
        "opus": Format("audio/ogg", partial(_Coded, OPUS)),
        "aac": Format("audio/aac", partial(_Coded, AAC)),
        "flac": Format("audio/flac", partial(_Coded, FLAC)),
        "wav": Format("audio/wav", lambda rate_hz: _Raw(wav_header(rate_hz))),
        "pcm": Format("audio/pcm", lambda _: _Raw()),
    }
)


def load_codecs() -> None:
    """Load what the first encoder would wait for (about 100 ms). Blocks."""
    with open_encoder("mp3", 24_000) as encoder:
        encoder.feed(bytes(2 * SAMPLE_BYTES))


def open_encoder(name: str, rate_hz: int) -> Encoder:
    """An encoder of the format `name` for PCM at `rate_hz`. Raises `ValueError` for a name not in `FORMATS`."""
    if name not in FORMATS:
        raise ValueError(f"no format {name!r}; there are {', '.join(FORMATS)}")
    return FORMATS[name].encoder(rate_hz)


def encoded(name: str, pcm: bytes, rate_hz: int) -> bytes:
    """A whole file of the format `name`; that of a WAV says how long it is. Raises `ValueError` for a name not in
    `FORMATS`."""
    if name == "wav":
        return wav_bytes(pcm, rate_hz)
    with open_encoder(name, rate_hz) as encoder:
        return encoder.feed(pcm) + encoder.finish()
