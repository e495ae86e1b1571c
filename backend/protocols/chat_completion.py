"""An answer as OpenAI's chat completions have it: chunk by chunk as it comes, or whole. No I/O."""

from __future__ import annotations

import base64
import math
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, assert_never
from uuid import uuid4

from backend.engines.interfaces import Finish, OwnWords, Speech, SpeechOver, ToolCallPiece
from backend.protocols.chat_messages import OWN_FIELD
from backend.protocols.openai_speech import CHARACTERS_PER_TOKEN, audio_tokens

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from backend.engines.interfaces import Message, Written

DONE = "data: [DONE]\n\n"


class Completion:
    """One answer to `messages`, as far as it is known. `speaks`: whether its words are heard, not read, but for those
    that a writer who speaks itself has put beside what it says."""

    def __init__(
        self, model: str, messages: Sequence[Message], *, speaks: bool = False, character: str | None = None
    ) -> None:
        self.audio_id = f"audio_{uuid4().hex}"
        self.text = ""
        """What is heard, or, of an answer that is not, what is read."""
        self._beside = ""
        self._own_voice = False
        self.audio_s = 0.0
        """Seconds of speech so far; counted by whoever knows the rate."""
        self._id = f"chatcmpl-{uuid4().hex}"
        self._created = int(time.time())
        self._model = model
        self._asked = sum(len(message["content"]) for message in messages)
        self._speaks = speaks
        self._character = character
        self._calls: dict[int, ToolCallPiece] = {}
        self._finish: Finish | None = None
        self._opened = False
        self._announced = False

    @property
    def has_audio(self) -> bool:
        """Whether the answer has sound: one that only calls functions has none, nor one that its writer did not
        speak."""
        if self._own_voice:
            return self.audio_s > 0
        return self._speaks and (bool(self.text) or not self._calls)

    def add(self, item: Written) -> dict[str, Any]:
        """The next of the answer; returns what that adds to the message, which may be nothing."""
        match item:
            case str(text) | OwnWords(text, heard=True):
                self.text += text
                return {"audio": self._audio_delta({"transcript": text})} if self._speaks else {"content": text}
            case OwnWords(text):
                self._own_voice = True
                self._beside += text
                return {"content": text}
            case SpeechOver():
                return {}
            case Speech(pcm):
                return {"audio": self._audio_delta({"data": base64.b64encode(pcm).decode()})}
            case ToolCallPiece():
                return {"tool_calls": [self._call_delta(item)]}
            case Finish():
                self._own_voice = self._own_voice or item.audio_tokens is not None
                self._finish = item
                return {}
            case _:
                assert_never(item)

    def _audio_delta(self, fields: dict[str, Any]) -> dict[str, Any]:
        announced, self._announced = self._announced, True
        return fields if announced else {"id": self.audio_id, **fields}

    def _call_delta(self, piece: ToolCallPiece) -> dict[str, Any]:
        known = self._calls.get(piece.index)
        if known is None:
            piece = replace(piece, id=piece.id or f"call_{uuid4().hex}")
            self._calls[piece.index] = piece
            return {"index": piece.index, **_call(piece)}
        self._calls[piece.index] = replace(
            known, arguments=known.arguments + piece.arguments, name=known.name or piece.name
        )
        return {"index": piece.index, "function": {"arguments": piece.arguments}}

    def chunks(self, item: Written) -> Iterator[dict[str, Any]]:
        """What is sent when `item` comes."""
        if delta := self.add(item):
            yield self._chunk(self._opening() | delta)

    def last_chunks(self, expires_at: int | None, *, usage: bool) -> Iterator[dict[str, Any]]:
        """What is sent at the end; `expires_at` where the answer has sound."""
        if expires_at is not None:
            yield self._chunk(self._opening() | {"audio": self._audio_delta({"expires_at": expires_at})})
        elif not self._opened:
            yield self._chunk(self._opening())
        yield self._chunk({}, self._finish_reason)
        if usage:
            yield {**self._head("chat.completion.chunk"), "choices": [], "usage": self.usage()}

    def whole(self, data: bytes, expires_at: int | None) -> dict[str, Any]:
        """The whole answer; `data` is the audio file, and `expires_at` is given where there is one."""
        read = self._beside if self._speaks else self.text
        message = self._opening() | {"content": read or None, "refusal": None}
        if expires_at is not None:
            encoded = base64.b64encode(data).decode()
            audio = {"id": self.audio_id, "data": encoded, "expires_at": expires_at, "transcript": self.text}
            message["audio"] = audio
        elif not self._calls:
            message["content"] = read
        if self._calls:
            message["tool_calls"] = [_call(call) for call in self._calls.values()]
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": self._finish_reason}
        return {**self._head("chat.completion"), "choices": [choice], "usage": self.usage()}

    def usage(self) -> dict[str, Any]:
        """Tokens, counted by the language model where it counts."""
        finish = self._finish or Finish()
        written = self.text + self._beside + "".join(call.name + call.arguments for call in self._calls.values())
        text = _tokens(len(written)) if finish.completion_tokens is None else finish.completion_tokens
        prompt = _tokens(self._asked) if finish.prompt_tokens is None else finish.prompt_tokens
        audio = audio_tokens(self.audio_s) if finish.audio_tokens is None else finish.audio_tokens
        return {
            "prompt_tokens": prompt,
            "completion_tokens": text + audio,
            "total_tokens": prompt + text + audio,
            "completion_tokens_details": {"text_tokens": text, "audio_tokens": audio},
        }

    @property
    def _finish_reason(self) -> str:
        reason = self._finish.reason if self._finish else "stop"
        return "tool_calls" if self._calls and reason == "stop" else reason

    def _opening(self) -> dict[str, Any]:
        """Whose message it is, which is said once."""
        if self._opened:
            return {}
        self._opened = True
        own = {} if self._character is None else {OWN_FIELD: {"character": self._character}}
        return {"role": "assistant", **own}

    def _chunk(self, delta: dict[str, Any], reason: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
        return {**self._head("chat.completion.chunk"), "choices": [choice]}

    def _head(self, kind: str) -> dict[str, Any]:
        return {"id": self._id, "object": kind, "created": self._created, "model": self._model}


def _call(call: ToolCallPiece) -> dict[str, Any]:
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}


def _tokens(characters: int) -> int:
    return math.ceil(characters / CHARACTERS_PER_TOKEN)
