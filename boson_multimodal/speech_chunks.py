"""What the chunks of a streamed answer of Step-Audio 2 say.

Its servers answer in two forms: raw text, in which speech codes stand between the words as tags, and deltas with a
`tts_content` that tells both apart, where `content` is what stands outside the speech. Either is read here.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

from boson_multimodal.parser import AudioTokenParser, ParserEvent
from boson_multimodal.raw_tool_calls import RawToolCalls
from boson_multimodal.speech_prompts import SPEECH_END, SPEECH_START

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from boson_multimodal.raw_tool_calls import RawToolCall


@dataclass(frozen=True, slots=True)
class ToolCallPiece:
    """A piece of the tool call of that `index`. `id` and `name` stand on its first piece and are empty after it."""

    index: int
    arguments: str
    id: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens, None where the server does not count. `audio_tokens` are slots for speech codes, fillers included."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    audio_tokens: int = 0

    @property
    def text_tokens(self) -> int | None:
        """Tokens written that are no speech codes."""
        return None if self.completion_tokens is None else max(0, self.completion_tokens - self.audio_tokens)


@dataclass(frozen=True, slots=True)
class LLMFinish:
    """The end of an answer: why (`stop`, `length`, `tool_calls`), its cost, and what was written as it was written.

    From a server that tells words and codes apart, `raw` is what it sent of both in order, without the fillers. `codes`
    are speech codes, `invalid` those that do not exist."""

    reason: str
    usage: Usage
    raw: str
    codes: int = 0
    invalid: int = 0


LLMEvent: TypeAlias = ParserEvent | ToolCallPiece | LLMFinish


class ChunkReader:
    """Reads the chunks of one answer. `tools`: functions may be called in it, so that calls are looked for in the text,
    where servers leave them that do not tell them apart."""

    def __init__(self, parser: AudioTokenParser, *, tools: bool = False) -> None:
        self._parser = parser
        self._written_calls = RawToolCalls() if tools else None
        self._kind: Literal["text", "other"] = "other"
        self._raw: list[str] = []
        self._structured = False
        self._reason: str | None = None
        self._counted: dict[str, Any] = {}
        self._arguments: dict[int, str] = {}

    def read(self, chunk: object) -> Iterator[ParserEvent | ToolCallPiece]:
        """What a chunk says. Raises `ValueError` for what is none."""
        try:
            yield from self._without_calls(self._read(cast("dict[str, Any]", chunk)))
        except (AttributeError, KeyError, TypeError) as error:
            raise ValueError("the answer is no stream of completion chunks") from error

    def finish(self) -> Iterator[LLMEvent]:
        """What the parser held back, and the end. Raises `ValueError` for an answer that was broken off, and for
        one with speech codes of which none is of the codebook."""
        yield from self._without_calls(self._parser.finish())
        yield from self._held()
        counted, parser = self._counted, self._parser
        if self._reason is None:
            raise ValueError("the server ended its answer in the middle")
        if parser.invalid and not parser.audio:
            raise ValueError(
                f"all {parser.invalid} speech codes of the answer are outside the codebook; "
                "is the model on the server a Step-Audio 2, and its tokenizer the model's own?"
            )
        usage = Usage(counted.get("prompt_tokens"), counted.get("completion_tokens"), parser.audio + parser.pads)
        reason = "tool_calls" if self._arguments and self._reason == "stop" else self._reason
        yield LLMFinish(reason, usage, "".join(self._raw), parser.audio, parser.invalid)

    def _without_calls(self, events: Iterable[ParserEvent | ToolCallPiece]) -> Iterator[ParserEvent | ToolCallPiece]:
        """The same with the calls in the text told apart."""
        for event in events:
            match event:
                case ParserEvent(("text" | "other") as kind, str(text)) if self._written_calls is not None:
                    self._kind = kind
                    for part in self._written_calls.feed(text):
                        yield ParserEvent(kind, part) if isinstance(part, str) else self._called(part)
                case _:
                    yield from self._held()
                    yield event

    def _held(self) -> Iterator[ParserEvent | ToolCallPiece]:
        """What might have become a call, or more of one, and will not."""
        for part in self._written_calls.finish() if self._written_calls is not None else ():
            yield ParserEvent(self._kind, part) if isinstance(part, str) else self._called(part)

    def _called(self, call: RawToolCall) -> ToolCallPiece:
        index = max(self._arguments, default=-1) + 1
        self._arguments[index] = call.arguments
        return ToolCallPiece(index, call.arguments, call.id, call.name)

    def _read(self, chunk: dict[str, Any]) -> Iterator[ParserEvent | ToolCallPiece]:
        usage: object = chunk.get("usage")
        if isinstance(usage, dict):
            self._counted = cast("dict[str, Any]", usage)
        for choice in (chunk.get("choices") or [])[:1]:
            delta: dict[str, Any] = choice.get("delta") or {}
            if spoken := delta.get("tts_content"):
                if self._raw and not self._structured:
                    self._raw.append(SPEECH_START)
                self._structured = True
                self._raw += [spoken.get("tts_text") or "", spoken.get("tts_audio") or ""]
                yield from self._parser.feed(spoken)
            if text := delta.get("content") or choice.get("text"):
                if self._structured:
                    self._raw.append(SPEECH_END)
                    self._structured = False
                self._raw.append(text)
                yield from self._parser.feed(text)
            for place, call in enumerate(delta.get("tool_calls") or []):
                yield from self._call(call.get("index", place), call)
            self._reason = choice.get("finish_reason") or self._reason

    def _call(self, index: int, call: dict[str, Any]) -> Iterator[ToolCallPiece]:
        function: dict[str, Any] = call.get("function") or {}
        arguments: str = function.get("arguments") or ""
        first, known = index not in self._arguments, self._arguments.get(index, "")
        # Some servers end with all that they have sent. What is whole never goes on.
        if known.strip() and arguments.startswith(known) and _is_json(arguments):
            arguments = arguments.removeprefix(known)
        self._arguments[index] = known + arguments
        if first:
            yield ToolCallPiece(index, arguments, call.get("id") or "", function.get("name") or "")
        elif arguments:
            yield ToolCallPiece(index, arguments)


def _is_json(text: str) -> bool:
    """Whether `text` is a whole document."""
    try:
        json.loads(text)
    except ValueError:
        return False
    return True
