"""Answers that are spoken: their pieces as they come, the whole of them, and earlier ones that are kept."""

from __future__ import annotations

import time
import uuid
from collections import OrderedDict
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, TypeAlias

from boson_multimodal.speech_chunks import ToolCallPiece, Usage

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class TranscriptDelta:
    """The next words of what is spoken. `after_codes`: how many speech codes had been written before them; their own
    sound comes after that, how much later nobody says."""

    text: str
    after_codes: int = 0


@dataclass(frozen=True, slots=True)
class PcmDelta:
    """The next sound, PCM16LE mono at 24 kHz, of whole samples."""

    pcm: bytes


@dataclass(frozen=True, slots=True)
class SpeechDone:
    """All has been heard of the speech that is over. An answer may speak again."""


@dataclass(frozen=True, slots=True)
class TextDelta:
    """The next words that are to be read and not heard."""

    text: str


@dataclass(slots=True)
class AnswerMetrics:
    """Times in seconds since the request, None for what did not come, and how much sound there was."""

    first_text_s: float | None = None
    first_audio_s: float | None = None
    total_s: float = 0.0
    audio_s: float = 0.0
    codes: int = 0
    invalid: int = 0


@dataclass(frozen=True, slots=True)
class AnswerFinish:
    """The end of an answer. `expires_at` is the Unix time until which an answer that was spoken can be gone back to by
    its `id`, None for one without sound, and for one that was not to be remembered."""

    id: str
    reason: str
    usage: Usage
    expires_at: int | None
    metrics: AnswerMetrics = field(compare=False)


AnswerEvent: TypeAlias = TranscriptDelta | PcmDelta | SpeechDone | TextDelta | ToolCallPiece | AnswerFinish


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A function the model wants called, with the JSON text of its arguments."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class SpokenAnswer:
    """A whole answer. `audio` is as `encode` made it of the PCM, None when the model did not speak; then `transcript`
    is empty and all words are in `text`."""

    transcript: str
    text: str
    audio: bytes | None
    tool_calls: tuple[ToolCall, ...]
    finish: AnswerFinish


def new_answer_id() -> str:
    """An id for an answer that is about to be spoken."""
    return f"audio_{uuid.uuid4().hex}"


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """What the model wrote for an answer, and the words of it."""

    raw: str
    transcript: str
    expires_at: float

    @property
    def size(self) -> int:
        """Bytes it takes to keep."""
        return sum(len(text.encode(errors="surrogatepass")) for text in (self.raw, self.transcript))


class AnswerStore:
    """Earlier answers by their id, for `ttl_s` seconds and up to `max_bytes` in all; then the one used longest ago goes
    first. May be used from any thread."""

    def __init__(
        self, *, ttl_s: float = 3600.0, max_bytes: int = 32 << 20, clock: Callable[[], float] = time.time
    ) -> None:
        self._ttl_s, self._max_bytes, self._clock = ttl_s, max_bytes, clock
        self._kept: OrderedDict[str, KeptAnswer] = OrderedDict()
        self._bytes = 0
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._kept)

    def put(self, name: str, raw: str, transcript: str) -> int:
        """Keep an answer. Returns the Unix time until which it is kept at most."""
        answer = KeptAnswer(raw, transcript, self._clock() + self._ttl_s)
        with self._lock:
            self._drop(name)
            self._kept[name] = answer
            self._bytes += answer.size
            for old in [old for old, kept in self._kept.items() if kept.expires_at <= self._clock()]:
                self._drop(old)
            while self._bytes > self._max_bytes:
                self._drop(next(iter(self._kept)))
        return int(answer.expires_at)

    def get(self, name: str) -> KeptAnswer | None:
        """An answer that is still kept."""
        with self._lock:
            answer = self._kept.get(name)
            if answer is None or answer.expires_at <= self._clock():
                self._drop(name)
                return None
            self._kept.move_to_end(name)
            return answer

    def raw(self, name: str) -> str | None:
        """What the model wrote for it, for `chat_messages`."""
        answer = self.get(name)
        return None if answer is None else answer.raw

    def _drop(self, name: str) -> None:
        answer = self._kept.pop(name, None)
        self._bytes -= 0 if answer is None else answer.size
