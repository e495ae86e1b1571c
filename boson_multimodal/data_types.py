"""A conversation as the model reads it: messages of text and audio, in the shape of boson's ChatML samples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

SUPPLIED = ("", "placeholder")
"""Values of `AudioContent.audio_url` that name no file: the audio is `raw_audio`, or its ids come with the sample."""


@dataclass
class AudioContent:
    """A piece of audio.

    `audio_url` is a path or URL, or one of `SUPPLIED`. `raw_audio` is a whole audio file in base64. `offset` and
    `duration` are seconds within the audio; None is its beginning and its end. `row_id` numbers it within a data set.
    """

    audio_url: str
    raw_audio: str | None = None
    offset: float | None = None
    duration: float | None = None
    row_id: int | None = None
    type: Literal["audio"] = "audio"

    @property
    def supplied(self) -> bool:
        """True when the audio comes with the sample and nothing is to be fetched."""
        return self.audio_url in SUPPLIED


@dataclass
class TextContent:
    """A piece of text."""

    text: str
    type: Literal["text"] = "text"


Content: TypeAlias = TextContent | AudioContent


@dataclass
class Message:
    """What one role (`system`, `user` or `assistant`) says. Only an assistant's message has a `recipient`."""

    role: str
    content: str | Content | list[str | Content]
    recipient: str | None = None

    def contents(self) -> tuple[Content, ...]:
        """The content as a tuple of its pieces, plain strings as `TextContent`."""
        pieces = self.content if isinstance(self.content, list) else [self.content]
        return tuple(TextContent(piece) if isinstance(piece, str) else piece for piece in pieces)


@dataclass
class ChatMLSample:
    """A conversation. `start_index` is the first message to learn from; it, `misc` and `speaker` do not reach the
    prompt."""

    messages: list[Message]
    start_index: int | None = None
    misc: dict[str, Any] | None = None
    speaker: str | None = None
