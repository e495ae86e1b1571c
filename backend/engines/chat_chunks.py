"""What the chunks of a streamed chat completion say."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast, get_args

from backend.engines.interfaces import Finish, FinishReason, ToolCallPiece

if TYPE_CHECKING:
    from collections.abc import Iterator

_REASONS = get_args(FinishReason)


class ChunkReader:
    """Reads one completion. `finish` is what is known of its end so far; `None` as long as nothing is."""

    def __init__(self) -> None:
        self.finish: Finish | None = None

    def read(self, chunk: object) -> Iterator[str | ToolCallPiece]:
        """The text and the calls in `chunk`, of its first choice. Raises `ValueError` for what is no chunk at all."""
        try:
            yield from self._read(cast("dict[str, Any]", chunk))
        except (AttributeError, KeyError, TypeError) as error:
            raise ValueError("the answer is no chat completion") from error

    def _read(self, chunk: dict[str, Any]) -> Iterator[str | ToolCallPiece]:
        if usage := chunk.get("usage"):
            counts = {"prompt_tokens": usage["prompt_tokens"], "completion_tokens": usage["completion_tokens"]}
            self.finish = replace(self.finish or Finish(), **counts)
        choices: list[dict[str, Any]] = chunk.get("choices") or []
        for choice in choices[:1]:
            delta: dict[str, Any] = choice.get("delta") or {}
            if text := delta.get("content"):
                yield text
            calls: list[dict[str, Any]] = delta.get("tool_calls") or []
            for place, call in enumerate(calls):
                function: dict[str, Any] = call.get("function") or {}
                arguments, name = function.get("arguments") or "", function.get("name") or ""
                yield ToolCallPiece(call.get("index", place), arguments, call.get("id") or "", name)
            if reason := choice.get("finish_reason"):
                self.finish = replace(self.finish or Finish(), reason=reason if reason in _REASONS else "stop")
