"""Calls of functions that Step-Audio 2 writes into its text, where its server does not tell them apart:
`<tool_call>function\\nNAME\\n{json}</tool_call>`."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_OPEN, _CLOSE = "<tool_call>", "</tool_call>"
MOST_CHARACTERS = 20_000
"""Of one call; what is longer is text."""


class RawToolCalls:
    """Takes the calls out of a text that comes in pieces cut anywhere. What only looks like one stays text."""

    def __init__(self) -> None:
        self._held = ""

    def feed(self, piece: str) -> Iterator[str | RawToolCall]:
        """What is certain after this piece, in order."""
        self._held += piece
        while True:
            before, found, rest = self._held.partition(_OPEN)
            if not found:
                kept = _begun(before)
                self._held = before[len(before) - kept :]
                before = before[: len(before) - kept]
            if before:
                yield before
            if not found:
                return
            inner, closed, after = rest.partition(_CLOSE)
            if not closed:
                self._held = _OPEN + rest
                if len(rest) > MOST_CHARACTERS:
                    yield from self.finish()
                return
            self._held = after
            yield RawToolCall.read(inner) or f"{_OPEN}{inner}{_CLOSE}"

    def finish(self) -> Iterator[str]:
        """The rest, which is no call."""
        rest, self._held = self._held, ""
        if rest:
            yield rest


class RawToolCall:
    """One call: the function's `name`, the JSON text of its `arguments`, and an `id` made up here."""

    def __init__(self, name: str, arguments: str) -> None:
        self.id = f"call_{uuid.uuid4().hex}"
        self.name = name
        self.arguments = arguments

    @classmethod
    def read(cls, inner: str) -> RawToolCall | None:
        """The call between the tags, None if there is none."""
        kind, _, rest = inner.strip().partition("\n")
        name, _, arguments = rest.partition("\n")
        arguments = arguments.strip() or "{}"
        if kind.strip() != "function" or not name.strip():
            return None
        try:
            return cls(name.strip(), arguments) if isinstance(json.loads(arguments), dict) else None
        except (ValueError, RecursionError):
            return None


def _begun(text: str) -> int:
    """How many characters at the end of `text` may be the beginning of a call."""
    return next((size for size in range(min(len(_OPEN) - 1, len(text)), 0, -1) if _OPEN.startswith(text[-size:])), 0)
