"""Recordings in a chat, as a Step-Audio 2 server takes them: 16 kHz mono WAV in parts of at most 25 s.

The model's encoder hears 25 s at a time, so a longer recording is several parts one after the other.
"""

from __future__ import annotations

import base64
import binascii
import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

import numpy as np
import soxr

from boson_multimodal.audio_files import read_audio, wav_bytes
from boson_multimodal.audio_tokens import HEARING_RATE_HZ

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Part = Mapping[str, Any]

PartStyle: TypeAlias = Literal["input_audio", "audio_url"]

PART_S = 25.0
_RAW_RATE_HZ = 24_000
"""The rate of `pcm16`, which has no header to say it."""


@dataclass(frozen=True, slots=True)
class AudioLimits:
    """How much one recording may hold: `seconds` of sound in `characters` of base64."""

    seconds: float = 600.0
    characters: int = 64 << 20


DEFAULT_LIMITS = AudioLimits()


class SpokenInputError(ValueError):
    """A recording in a message cannot be used; the message says why."""


def audio_parts(
    part: Mapping[str, Any], style: PartStyle, limits: AudioLimits = DEFAULT_LIMITS
) -> list[dict[str, Any]]:
    """An `input_audio` or `audio_url` part of a message, as the parts a server is sent in the given style.

    Any format FFmpeg reads is taken, whatever the part calls it, and PCM16LE mono 24 kHz called `pcm16`. Addresses are
    not fetched: an `audio_url` is a `data:` URL. Raises `SpokenInputError`.
    """
    encoded, kind = _encoded(part, limits)
    try:
        data = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError) as error:
        raise SpokenInputError(f"a recording is not base64: {error}") from error
    pcm = _pcm(data, kind, limits.seconds)
    return [_as_part(wav_bytes(piece, HEARING_RATE_HZ), style) for piece in cut_pcm(pcm, HEARING_RATE_HZ)]


def cut_pcm(pcm: bytes, rate_hz: int, seconds: float = PART_S) -> list[bytes]:
    """PCM16 in as few pieces of at most `seconds` as there can be, all as long but for a sample, so that none is a
    snippet too short to be heard. Joined they are the whole; no sound has no pieces."""
    samples = len(pcm) // 2
    count = math.ceil(samples / (seconds * rate_hz))
    edges = [2 * (samples * place // count) for place in range(count + 1)] if count else []
    return [pcm[start:end] for start, end in pairwise(edges)]


def _encoded(part: Part, limits: AudioLimits) -> tuple[str, str]:
    """The base64 text and the format a part names."""
    kind = part.get("type")
    holder: object = part.get(str(kind))
    field = {"input_audio": "data", "audio_url": "url"}.get(str(kind))
    details = cast("dict[str, object]", holder) if isinstance(holder, dict) else {}
    text = details.get(field or "")
    if not isinstance(text, str) or not text:
        raise SpokenInputError(f"a part of the type {kind!r} has no {kind}.{field}; send the recording as base64")
    if len(text) > limits.characters:
        raise SpokenInputError(f"a recording is {len(text)} characters long; at most {limits.characters} are taken")
    if text.startswith("data:"):
        header, _, text = text.partition(",")
        if not header.endswith(";base64"):
            raise SpokenInputError("the data: URL of a recording is not base64")
    elif kind == "audio_url":
        raise SpokenInputError("an audio_url must be a data: URL; recordings are not fetched from addresses")
    return "".join(text.split()), str(details.get("format") or "")


def _pcm(data: bytes, kind: str, max_seconds: float) -> bytes:
    """PCM16LE mono at 16 kHz."""
    samples: NDArray[np.floating]
    if kind in {"pcm16", "pcm"} and not data.startswith(b"RIFF"):
        samples, rate = np.frombuffer(data[: len(data) & ~1], "<i2") / np.float32(32768), _RAW_RATE_HZ
        if len(samples) > max_seconds * rate:
            raise SpokenInputError(f"a recording is longer than {max_seconds:g} s; send a shorter one")
    else:
        try:
            samples, rate = read_audio(data, max_seconds=max_seconds)
        except ValueError as error:
            raise SpokenInputError(f"a recording cannot be used: {error}") from error
    heard = np.asarray(soxr.resample(samples, rate, HEARING_RATE_HZ), dtype=np.float32)
    if not len(heard):
        raise SpokenInputError("a recording holds no sound")
    # Channels mixed into one, and filters, may exceed full scale: quieter is better than clipped.
    return np.rint(heard * (32767 / max(1.0, float(np.abs(heard).max())))).astype("<i2").tobytes()


def _as_part(wav: bytes, style: PartStyle) -> dict[str, Any]:
    data = base64.b64encode(wav).decode("ascii")
    if style == "audio_url":
        return {"type": "audio_url", "audio_url": {"url": f"data:audio/wav;base64,{data}"}}
    return {"type": "input_audio", "input_audio": {"data": data, "format": "wav"}}
