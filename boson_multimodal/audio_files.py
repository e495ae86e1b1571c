"""Reference recordings, from files or bytes of any format FFmpeg reads."""

from __future__ import annotations

import base64
import binascii
import io
import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from boson_multimodal.data_types import AudioContent


_ONLY_THIS = {
    "format_whitelist": "aac,aiff,amr,au,caf,flac,matroska,mov,mp3,mpeg,ogg,w64,wav",
    "protocol_whitelist": "none",
}
"""For what others send: containers such as playlists would have FFmpeg open the files and addresses they name."""


def read_audio(source: Path | bytes, *, max_seconds: float = math.inf) -> tuple[NDArray[np.float32], int]:
    """Mono samples in [-1, 1] and their rate in Hz. Raises `ValueError` when `source` holds no audio, or more than
    `max_seconds` of it; no more than that is decoded."""
    import av

    name = str(source) if isinstance(source, Path) else f"{len(source)} bytes of audio"
    if isinstance(source, Path) and not source.is_file():
        raise ValueError(f"there is no audio file {source}")
    try:
        opened = str(source) if isinstance(source, Path) else io.BytesIO(source)
        with av.open(opened, "r", options=_ONLY_THIS if isinstance(source, bytes) else {}) as container:
            if not container.streams.audio:
                raise ValueError(f"{name} has no audio track")
            rate = container.streams.audio[0].rate
            # FFmpeg's own mix of two channels is louder than either of them; their mean is not.
            resampler = av.AudioResampler(format="fltp", rate=rate)
            pieces: list[NDArray[np.float32]] = []
            decoded = 0
            for frame in container.decode(audio=0):
                pieces += [resampled.to_ndarray().mean(axis=0) for resampled in resampler.resample(frame)]
                decoded += frame.samples
                if decoded > max_seconds * rate:
                    raise ValueError(f"{name} is longer than {max_seconds:g} s; send a shorter one")
    except (av.FFmpegError, OSError) as error:
        raise ValueError(f"{name} cannot be read as audio: {error}") from error
    if not pieces:
        raise ValueError(f"{name} holds no sound")
    return np.concatenate(pieces).astype(np.float32), int(rate)


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
