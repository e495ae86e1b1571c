"""Recordings: read from files or bytes of any format FFmpeg reads, written as WAV."""

from __future__ import annotations

import base64
import binascii
import io
import math
import wave
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from boson_multimodal.data_types import AudioContent


_ONLY_THIS = {
    "format_whitelist": "aac,aiff,amr,au,caf,flac,matroska,mov,mp3,mpeg,ogg,w64,wav",
    "protocol_whitelist": "none",
}
"""For what others send: containers such as playlists would have FFmpeg open the files and addresses they name."""


_HIGHEST_RATE_HZ = 48_000


def read_audio(
    source: Path | bytes, *, max_seconds: float = math.inf, cut: bool = False
) -> tuple[NDArray[np.float32], int]:
    """Mono samples in [-1, 1] and their rate in Hz, at most 48,000.

    Raises `ValueError` when `source` holds no audio, or more than `max_seconds` of it, which `cut` leaves out instead.
    No more than that is decoded.
    """
    import av

    name = str(source) if isinstance(source, Path) else f"{len(source)} bytes of audio"
    if isinstance(source, Path) and not source.is_file():
        raise ValueError(f"there is no audio file {source}")
    try:
        opened = str(source) if isinstance(source, Path) else io.BytesIO(source)
        with av.open(opened, "r", options=_ONLY_THIS if isinstance(source, bytes) else {}) as container:
            if not container.streams.audio or getattr(container.streams.audio[0], "codec_context", None) is None:
                raise ValueError(f"{name} has no audio track that can be read")
            recorded = container.streams.audio[0].rate
            # What a file calls its rate decides how much memory a second takes.
            rate = min(recorded, _HIGHEST_RATE_HZ)
            # FFmpeg's own mix of two channels is louder than either of them; their mean is not.
            # Packed: PyAV reads the planes of eight channels and more from memory that is not theirs.
            resampler = av.AudioResampler(format="flt", rate=rate)
            pieces: list[NDArray[np.float32]] = []
            decoded = 0
            for frame in container.decode(audio=0):
                pieces += _mixed(resampler.resample(frame))
                decoded += frame.samples
                if decoded > max_seconds * recorded:
                    if cut:
                        break
                    raise ValueError(f"{name} is longer than {max_seconds:g} s; send a shorter one")
            pieces += _mixed(resampler.resample(None))
    except (av.FFmpegError, OSError) as error:
        raise ValueError(f"{name} cannot be read as audio: {error}") from error
    if not sum(map(len, pieces)):
        raise ValueError(f"{name} holds no sound")
    samples = np.nan_to_num(np.concatenate(pieces).astype(np.float32))
    return samples[: int(max_seconds * rate)] if cut and max_seconds < math.inf else samples, int(rate)


def _mixed(frames: Iterable[Any]) -> Iterator[NDArray[np.float32]]:
    """The mean of the channels of each frame."""
    for frame in frames:
        yield frame.to_ndarray().reshape(frame.samples, -1).mean(axis=1)


def wav_bytes(pcm: bytes, rate_hz: int) -> bytes:
    """A WAV file of PCM16LE mono."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setparams((1, 2, rate_hz, 0, "NONE", ""))
        writer.writeframes(pcm)
    return file.getvalue()


def content_bytes(content: AudioContent) -> bytes:
    """The audio file a message's audio content names or holds. Raises `ValueError` when there is none."""
    if content.raw_audio:
        try:
            return base64.b64decode(content.raw_audio, validate=True)
        except binascii.Error as error:
            raise ValueError(f"raw_audio is not base64: {error}") from error
    if content.supplied:
        raise ValueError("an audio message has neither a file nor raw_audio")
    path = Path(content.audio_url)
    if not path.is_file():
        raise ValueError(f"there is no audio file {content.audio_url}")
    return path.read_bytes()


def cut(samples: NDArray[np.float32], rate: int, content: AudioContent) -> NDArray[np.float32]:
    """The part of `samples` from the content's `offset` for its `duration`, both in seconds."""
    begin = round((content.offset or 0.0) * rate)
    end = None if content.duration is None else begin + round(content.duration * rate)
    return samples[begin:end]
