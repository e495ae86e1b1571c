"""Recordings in any usual format -> PCM, by FFmpeg's libraries. Pure: bytes in, bytes out."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from backend.audio import SAMPLE_BYTES
from backend.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Iterator

LONGEST_RECORDING_S = 3600
"""Longer recordings are refused; this is 115 MB of PCM at 16 kHz."""

CONTAINERS = "aac,aiff,amr,au,caf,flac,matroska,mov,mp3,mpeg,ogg,w64,wav"
"""The demuxers that are tried. Others, such as playlists, open further files and addresses that the data names."""


def decode(data: bytes, rate_hz: int, longest_s: int = LONGEST_RECORDING_S) -> bytes:
    """The first audio track of a file as PCM16LE mono at `rate_hz`. Blocks for about a second per hour of audio.

    Damaged packets are left out. Raises `InvalidRequest` for what is not audio, holds none or is longer than
    `longest_s`.
    """
    from av.error import FFmpegError

    limit = longest_s * rate_hz * SAMPLE_BYTES
    pcm = bytearray()
    try:
        for piece in _pieces(data, rate_hz):
            pcm += piece
            if len(pcm) > limit:
                raise InvalidRequest(f"the recording is longer than {longest_s} s")
    except (FFmpegError, ValueError) as error:
        raise InvalidRequest("the file cannot be decoded as audio") from error
    if not pcm:
        raise InvalidRequest("the file cannot be decoded as audio: there is no sound in it")
    return bytes(pcm)


def _pieces(data: bytes, rate_hz: int) -> Iterator[bytes]:
    import av
    from av.error import FFmpegError

    # Nothing but `data` is read: no protocol is allowed, and containers that refer to others are not tried.
    options = {"format_whitelist": CONTAINERS, "protocol_whitelist": "none"}
    with av.open(io.BytesIO(data), "r", options=options, metadata_errors="ignore") as container:
        if not container.streams.audio:
            raise InvalidRequest("the file cannot be decoded as audio: it has no audio track")
        resampler = av.AudioResampler("s16", "mono", rate_hz)
        for packet in container.demux(container.streams.audio[0]):
            try:
                frames = packet.decode()
            except FFmpegError:
                continue
            for frame in frames:
                for part in resampler.resample(frame):
                    yield part.to_ndarray().tobytes()
        for part in resampler.resample(None):
            yield part.to_ndarray().tobytes()
