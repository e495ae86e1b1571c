"""What speech servers call the same things: `POST /audio/speech` in the dialects of those that take more than OpenAI's.

All are asked for raw PCM as it is made. A `Manner` is passed on as far as the server has a name for it.
"""

from __future__ import annotations

import base64
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from backend.engines.interfaces import Manner, Recording

Fields = dict[str, object]

_MEDIA_TYPES = {b"OggS": "audio/ogg", b"fLaC": "audio/flac", b"ID3": "audio/mpeg", b"\xff\xfb": "audio/mpeg"}
"""Audio files by their first bytes; any other is taken for WAV, in which voices are kept."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """`fields` gives all of a request but the model, the text and the format, for a voice's name and manner."""

    fields: Callable[[str, Manner], Fields]
    clones_voices: bool = False
    """Whether a request can bring a recording to be imitated."""
    takes_seeds: bool = False
    """Whether a seed decides what the server draws."""


def _openai(voice: str, manner: Manner) -> Fields:
    """By our own names, which OpenAI's server ignores or refuses but for `instructions`."""
    return {"voice": voice, **_given(asdict(manner) | {"recording": None})}


def _vllm_omni(voice: str, manner: Manner) -> Fields:
    """Sampling goes into `extra_params`; whose voice it is, a recording says alone."""
    sampling = _given({"temperature": manner.temperature, "top_p": manner.top_p, "top_k": manner.top_k})
    named = {"voice": voice} if manner.recording is None else _imitated(manner.recording)
    asked = {"instructions": _instructions(manner), "seed": manner.seed, "extra_params": sampling or None}
    return {**named, **_given(asked), **_RAW_STREAM}


def _sglang_omni(voice: str, manner: Manner) -> Fields:
    """The server insists on the name of a voice."""
    named = {"voice": voice} if manner.recording is None else {"voice": "default", **_imitated(manner.recording)}
    asked = {
        "instructions": _instructions(manner),
        "seed": manner.seed,
        "temperature": manner.temperature,
        "top_p": manner.top_p,
        "top_k": manner.top_k,
    }
    return {**named, **_given(asked), **_RAW_STREAM}


def _boson(voice: str, manner: Manner) -> Fields:
    """Always streams; knows neither seeds nor instructions, and of voices only its own."""
    sampling = {"temperature": manner.temperature, "top_p": manner.top_p, "top_k": manner.top_k}
    return {"voice": voice, **_given(sampling)}


_RAW_STREAM: Fields = {"stream": True, "stream_format": "audio"}
"""Bytes as they are made; `stream` alone would be answered with events."""

DIALECTS: Mapping[str, Dialect] = {
    "openai": Dialect(_openai),
    "vllm-omni": Dialect(_vllm_omni, clones_voices=True, takes_seeds=True),
    "sglang-omni": Dialect(_sglang_omni, clones_voices=True, takes_seeds=True),
    "boson": Dialect(_boson),
}


def _imitated(recording: Recording) -> Fields:
    """A recording as a `data:` URI, and what is said in it."""
    media_type = next((kind for first, kind in _MEDIA_TYPES.items() if recording.audio.startswith(first)), "audio/wav")
    audio = f"data:{media_type};base64,{base64.b64encode(recording.audio).decode()}"
    return {"ref_audio": audio, **_given({"ref_text": recording.text or None})}


def _instructions(manner: Manner) -> str | None:
    """Who speaks, where, and how, as one text."""
    return " ".join(filter(None, (manner.speaker_description, manner.scene_prompt, manner.instructions))) or None


def _given(fields: Mapping[str, object]) -> Fields:
    return {name: value for name, value in fields.items() if value is not None}
