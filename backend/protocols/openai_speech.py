"""`POST /v1/audio/speech` as OpenAI has it, and what this server adds: request, streamed events, usage. No I/O."""

from __future__ import annotations

import base64
import binascii
import math
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from backend.engines.interfaces import Manner, Recording
from backend.errors import InvalidRequest
from backend.protocols.transcription_formats import event

FormatName = Literal["mp3", "opus", "aac", "flac", "wav", "pcm"]

RATE_HZ = 24_000
"""Of all speech that leaves by this door."""

OPENAI_VOICES = frozenset(
    {"alloy", "ash", "ballad", "cedar", "coral", "echo", "fable", "marin", "nova", "onyx", "sage", "shimmer", "verse"}
)
"""Names that clients have built in; every engine has a voice for each."""

AUDIO_TOKENS_PER_S = 25
CHARACTERS_PER_TOKEN = 4
"""What a token of English is about as long as; voices that read letters have no tokens to count."""

MAX_INPUT_CHARACTERS = 100_000
MAX_RAS_WINDOW = 128
MAX_PROMPT_CHARACTERS = 4_000
MAX_RECORDING_BYTES = 10 << 20

Seed = Annotated[int, Field(ge=0, lt=2**63)]
Temperature = Annotated[float, Field(ge=0, le=2)]
TopP = Annotated[float, Field(gt=0, le=1)]
_Prompt = Annotated[str, StringConstraints(max_length=MAX_PROMPT_CHARACTERS)]


def audio_tokens(seconds: float) -> int:
    """How many tokens so much speech is counted as."""
    # Seconds that are whole tokens are not quite so in floating point.
    return math.ceil(round(seconds * AUDIO_TOKENS_PER_S, 6))


class VoiceId(BaseModel):
    """A voice named by its id."""

    id: str


class SpeechRequest(BaseModel):
    """The body. Fields that are not known are ignored, as OpenAI does."""

    model_config = ConfigDict(allow_inf_nan=False)

    model: str
    input: Annotated[str, StringConstraints(min_length=1)]
    voice: str | VoiceId
    instructions: _Prompt | None = None
    response_format: FormatName = "mp3"
    speed: float = Field(1.0, ge=0.25, le=4.0)
    stream_format: Literal["audio", "sse"] | None = None
    seed: Seed | None = None
    temperature: Temperature | None = None
    top_p: TopP | None = None
    top_k: int | None = Field(None, ge=0, le=1_000_000)
    ras_window_length: int | None = Field(None, ge=1, le=MAX_RAS_WINDOW)
    ras_max_num_repeat: int | None = Field(None, ge=1)
    scene_prompt: _Prompt | None = None
    speaker_description: _Prompt | None = None
    ref_audio: str | None = None
    ref_text: _Prompt | None = None

    @model_validator(mode="after")
    def _go_together(self) -> SpeechRequest:
        if (self.ras_window_length is None) != (self.ras_max_num_repeat is None):
            raise ValueError("ras_window_length and ras_max_num_repeat are given together or not at all")
        if self.ref_text is not None and self.ref_audio is None:
            raise ValueError("ref_text says what is said in ref_audio, which is missing")
        return self

    @property
    def voice_name(self) -> str:
        """The voice, however it was given."""
        return self.voice if isinstance(self.voice, str) else self.voice.id

    @property
    def is_whole(self) -> bool:
        """Whether the answer is made before it is sent, so that its header can say how long it is."""
        return self.stream_format is None and self.response_format in ("wav", "flac")

    def manner(self, recording: Recording | None) -> Manner:
        """How the voice is asked to speak; `recording` is what is in `ref_audio`."""
        return Manner(
            self.seed,
            self.temperature,
            self.top_p,
            self.top_k,
            self.ras_window_length,
            self.ras_max_num_repeat,
            self.scene_prompt,
            self.speaker_description,
            self.instructions,
            recording,
        )


class Usage(BaseModel):
    """What was read and what was said, in tokens."""

    input_tokens: int
    output_tokens: int
    total_tokens: int

    @classmethod
    def of(cls, text: str, audio_s: float) -> Usage:
        """Of `text` and so many seconds of speech."""
        read = math.ceil(len(text) / CHARACTERS_PER_TOKEN)
        said = audio_tokens(audio_s)
        return cls(input_tokens=read, output_tokens=said, total_tokens=read + said)

    def headers(self) -> dict[str, str]:
        """For an answer that is only audio."""
        return {
            "x-usage-prompt-tokens": str(self.input_tokens),
            "x-usage-completion-tokens": str(self.output_tokens),
            "x-usage-audio-tokens": str(self.output_tokens),
            "x-usage-total-tokens": str(self.total_tokens),
        }


def delta_event(audio: bytes) -> str:
    """A piece of the encoded audio as a server-sent event."""
    return event({"type": "speech.audio.delta", "audio": base64.b64encode(audio).decode()})


def done_event(usage: Usage) -> str:
    """The last event of an answer that succeeded."""
    return event({"type": "speech.audio.done", "usage": usage.model_dump()})


def audio_bytes(encoded: str, param: str) -> bytes:
    """A file given as base64, by itself or in a `data:` URI, in the field `param`. Raises `InvalidRequest`; nothing is
    fetched or opened."""
    data = encoded
    if encoded.startswith("data:"):
        head, separator, data = encoded.partition(",")
        if not separator or not head.endswith(";base64"):
            raise _unreadable(param, "a data: URI holds base64 (data:audio/wav;base64,...)")
    elif "://" in encoded[:16]:
        raise _unreadable(param, "addresses are not fetched; send the file as base64 or as a data: URI")
    try:
        audio = base64.b64decode("".join(data.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise _unreadable(param, "this is no base64; send the file as base64 or as a data: URI") from error
    if len(audio) > MAX_RECORDING_BYTES:
        raise _unreadable(param, f"a recording has at most {MAX_RECORDING_BYTES >> 20} MB")
    return audio


def _unreadable(param: str, problem: str) -> InvalidRequest:
    return InvalidRequest(f"{param}: {problem}", param=param)
