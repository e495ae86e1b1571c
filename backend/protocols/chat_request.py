"""The body of `POST /v1/chat/completions` as OpenAI has it. No I/O."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from backend.engines.interfaces import Generation
from backend.errors import InvalidRequest
from backend.protocols.openai_speech import VoiceId

if TYPE_CHECKING:
    from collections.abc import Mapping

AudioFormat = Literal["wav", "mp3", "flac", "opus", "aac", "pcm16"]

OWN_MODEL = "voicechat"
OWN_MODELS = (OWN_MODEL, "gpt-audio", "gpt-audio-mini", "gpt-4o-audio-preview", "gpt-4o-mini-audio-preview")
"""Names that mean this server with its own engines: speech is not what the language model behind it makes."""

_RENDERED = frozenset(
    {"model", "messages", "modalities", "audio", "stream", "stream_options", "n", "logprobs", "top_logprobs"}
    | {"temperature", "top_p", "max_tokens"}
)
"""What the server itself answers for; all other fields are for the language model."""

_DEEPER = 50
"""Levels of nesting that others may need who write the body again."""


class AudioOptions(BaseModel):
    """How the answer is to sound."""

    model_config = ConfigDict(strict=True)

    voice: str | VoiceId | None = None
    format: AudioFormat | None = None


class StreamOptions(BaseModel):
    """What a streamed answer holds besides."""

    model_config = ConfigDict(strict=True, extra="allow")

    include_usage: bool | None = None


class ChatRequest(BaseModel):
    """What the server looks at. All other fields reach the language model as they are."""

    model_config = ConfigDict(strict=True, extra="allow", allow_inf_nan=False)

    model: str | None = None
    messages: Annotated[list[dict[str, Any]], Field(min_length=1)]
    modalities: list[Literal["text", "audio"]] | None = None
    audio: AudioOptions | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    temperature: float | None = Field(None, ge=0, le=2)
    top_p: float | None = Field(None, ge=0, le=1)
    max_tokens: int | None = Field(None, ge=1)
    max_completion_tokens: int | None = Field(None, ge=1)
    n: int | None = Field(None, ge=1, le=128)
    seed: int | None = Field(None, ge=-(2**63), lt=2**63)
    tools: list[dict[str, Any]] | None = None

    @property
    def speaks(self) -> bool:
        """Whether the answer is to be heard."""
        return "audio" in (self.modalities or ())

    @property
    def voice(self) -> str | None:
        """The voice, however it was given."""
        named = self.audio.voice if self.audio else None
        return named.id if isinstance(named, VoiceId) else named

    @property
    def audio_format(self) -> AudioFormat:
        """The format of the speech; where none is named, one that fits."""
        named = self.audio.format if self.audio else None
        return named or ("pcm16" if self.stream else "wav")

    @property
    def model_name(self) -> str:
        """The model the answer says it is from."""
        return self.model or OWN_MODEL

    @property
    def engine_model(self) -> str | None:
        """The model the language model's server is asked for; `None` for the one it is set up with."""
        return None if not self.model or self.model in OWN_MODELS else self.model

    @property
    def wants_usage(self) -> bool:
        """Whether the answer says what was used."""
        return not self.stream or bool(self.stream_options and self.stream_options.include_usage)

    def generation(self, engine_model: str | None) -> Generation:
        """How the language model is asked to write an answer that this server renders. Raises `InvalidRequest` for what
        it cannot render."""
        if self.speaks and self.stream and self.audio_format != "pcm16":
            problem = f"audio.format: {self.audio_format} cannot be streamed, only pcm16 can"
            raise InvalidRequest(problem, param="audio.format")
        if (self.n or 1) > 1:
            raise InvalidRequest("n: there is one answer only", param="n")
        given = self.model_dump(exclude_none=True)
        for old in ("functions", "function_call"):
            if old in given:
                raise InvalidRequest(f"{old}: tools have taken its place", param=old)
        extra = {name: value for name, value in given.items() if name not in _RENDERED}
        if self.wants_usage:
            extra["stream_options"] = {"include_usage": True}
        return Generation(engine_model, self.temperature, self.top_p, self.max_tokens, extra)


def check_encodable(body: Mapping[str, Any]) -> None:
    """Raises `InvalidRequest` for what JSON in UTF-8 cannot hold, though it was read: `NaN`, half of a character, too
    many levels."""
    nested: object = body
    for _ in range(_DEEPER):
        nested = [nested]
    try:
        json.dumps(nested, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError) as error:
        raise InvalidRequest("the body holds a number, a character or a nesting that JSON does not allow") from error
