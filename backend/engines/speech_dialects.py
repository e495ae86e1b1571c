"""What speech servers call the same things: `POST /audio/speech` in the dialects of those that take more than OpenAI's.

All are asked for PCM as it is made. A `Manner` is passed on as far as the server has a name for it.
"""

from __future__ import annotations

import base64
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from backend.engines.speech_body import ChatBody, RawBody

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from backend.engines.interfaces import Manner, Recording
    from backend.engines.speech_body import Body

Fields = dict[str, object]

_MEDIA_TYPES = {b"OggS": "audio/ogg", b"fLaC": "audio/flac", b"ID3": "audio/mpeg", b"\xff\xfb": "audio/mpeg"}
"""Audio files by their first bytes; any other is taken for WAV, in which voices are kept."""


@dataclass(frozen=True, slots=True)
class SpeechRequest:
    """What is posted where, and how the answer is read. `content_type`: the one it has, where that is known."""

    fields: Fields
    path: str = "/audio/speech"
    body: Callable[[], Body] = RawBody
    content_type: str | None = None


@dataclass(frozen=True, slots=True)
class Dialect:
    """`fields` gives all of a request but the model, the text and the format, for a voice's name and manner. `chat`
    gives all but the model for a text, a recording and a manner, where only chat completions take recordings."""

    fields: Callable[[str, Manner], Fields]
    chat: Callable[[str, Recording, Manner], Fields] | None = None
    clones_voices: bool = False
    """Whether a request can bring a recording to be imitated."""
    takes_seeds: bool = False
    """Whether a seed decides what the server draws, at least where it imitates."""

    def request(self, model: str, text: str, voice: str, manner: Manner) -> SpeechRequest:
        """To have `text` said by a voice."""
        if self.chat is not None and manner.recording is not None:
            fields = self.chat(text, manner.recording, manner)
            return SpeechRequest({"model": model, **fields}, "/chat/completions", ChatBody, "text/event-stream")
        fields = {"model": model, "input": text, "response_format": "pcm", **self.fields(voice, manner)}
        return SpeechRequest(fields)


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
    """Always streams; knows neither seeds nor instructions, and here only its own voices."""
    sampling = {"temperature": manner.temperature, "top_p": manner.top_p, "top_k": manner.top_k}
    return {"voice": voice, **_given(sampling)}


def _boson_chat(text: str, recording: Recording, manner: Manner) -> Fields:
    """As boson's example clones: who is imitated has said `recording` before. The rest is what its speech route does
    with its own voices, whose defaults for sampling chat completions do not have."""
    kind = _media_type(recording).removeprefix("audio/")
    sound = {"data": base64.b64encode(recording.audio).decode(), "format": {"mpeg": "mp3"}.get(kind, kind)}
    said = [{"role": "user", "content": recording.text}] if recording.text else []
    scene = " ".join(filter(None, (manner.speaker_description, manner.scene_prompt)))
    described = f"Generate audio following instruction.\n\n<|scene_desc_start|>\n{scene}\n<|scene_desc_end|>"
    return {
        "messages": [
            {"role": "system", "content": described if scene else "Convert text to speech with the same voice."},
            *said,
            {"role": "assistant", "content": [{"type": "input_audio", "input_audio": sound}]},
            {"role": "user", "content": text},
        ],
        "modalities": ["text", "audio"],
        "stream": True,
        "stop": ["<|eot_id|>", "<|end_of_text|>", "<|audio_eos|>"],
        "temperature": 1.0,
        "top_p": 0.95,
        "top_k": 50,
        **_given({"temperature": manner.temperature, "top_p": manner.top_p, "top_k": manner.top_k}),
        **_given({"seed": manner.seed}),
    }


_RAW_STREAM: Fields = {"stream": True, "stream_format": "audio"}
"""Bytes as they are made; `stream` alone would be answered with events."""

DIALECTS: Mapping[str, Dialect] = {
    "openai": Dialect(_openai),
    "vllm-omni": Dialect(_vllm_omni, clones_voices=True, takes_seeds=True),
    "sglang-omni": Dialect(_sglang_omni, clones_voices=True, takes_seeds=True),
    "boson": Dialect(_boson, _boson_chat, clones_voices=True, takes_seeds=True),
}


def _imitated(recording: Recording) -> Fields:
    """A recording as a `data:` URI, and what is said in it."""
    audio = f"data:{_media_type(recording)};base64,{base64.b64encode(recording.audio).decode()}"
    return {"ref_audio": audio, **_given({"ref_text": recording.text or None})}


def _media_type(recording: Recording) -> str:
    return next((kind for first, kind in _MEDIA_TYPES.items() if recording.audio.startswith(first)), "audio/wav")


def _instructions(manner: Manner) -> str | None:
    """Who speaks, where, and how, as one text."""
    return " ".join(filter(None, (manner.speaker_description, manner.scene_prompt, manner.instructions))) or None


def _given(fields: Mapping[str, object]) -> Fields:
    return {name: value for name, value in fields.items() if value is not None}
