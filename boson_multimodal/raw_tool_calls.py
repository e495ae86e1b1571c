"""Calls of functions that Step-Audio 2 writes into its text, where its server does not tell them apart:
`<tool_call>function\\nNAME\\n{json}</tool_call>`."""

from __future__ import annotations

import json
import re
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_OPEN, _CLOSE, _KIND = "<tool_call>", "</tool_call>", "function\n"
_CALL = re.compile(f"{_OPEN}.*?{_CLOSE}", re.DOTALL)
MOST_CHARACTERS = 20_000
"""Of one call; what is longer is text."""


@dataclass(frozen=True, slots=True)
class RawToolCall:
    """One call: the function's `name`, the JSON text of its `arguments`, and an `id` made up here."""

    name: str
    arguments: str
    id: str = field(default_factory=lambda: f"call_{uuid.uuid4().hex}")


def without_calls(text: str) -> str:
    """A text that is whole, without what stands in it as calls."""
    return _CALL.sub("", text)


class RawToolCalls:
    """Takes the calls out of a text that comes in pieces cut anywhere. What only looks like one stays text."""

    def __init__(self) -> None:
        self._held = ""

    def feed(self, piece: str) -> Iterator[str | RawToolCall]:
        """What is certain after this piece, in order."""
        self._held += piece
        while self._held:
            start = self._held.find(_OPEN)
            sure = len(self._held) - _begun(self._held) if start < 0 else start
            if sure:
                yield self._held[:sure]
                self._held = self._held[sure:]
            if start < 0:
                return
            inner, closed, rest = self._held.removeprefix(_OPEN).partition(_CLOSE)
            if not closed and _may_be_call(inner):
                return
            call = _read(inner) if closed else None
            if call is None:
                yield _OPEN
                self._held = self._held.removeprefix(_OPEN)
            else:
                yield call
                self._held = rest

    def finish(self) -> Iterator[str | RawToolCall]:
        """The rest, at the end of the text: a call without its end is one all the same, if its arguments are whole, and
        is left out if they are not."""
        rest, self._held = self._held, ""
        inner = rest.removeprefix(_OPEN)
        if inner == rest or not inner.lstrip().startswith(_KIND):
            yield from (rest,) if rest else ()
        elif call := _read(inner):
            yield call


def _read(inner: str) -> RawToolCall | None:
    """The call between the tags, None if there is none."""
    kind, _, rest = inner.strip().partition("\n")
    name, _, arguments = rest.partition("\n")
    arguments = arguments.strip() or "{}"
    if kind.strip() != _KIND.strip() or not name.strip():
        return None
    try:
        return RawToolCall(name.strip(), arguments) if isinstance(json.loads(arguments), dict) else None
    except (ValueError, RecursionError):
        return None


def _may_be_call(inner: str) -> bool:
    """Whether what has been written after the opening tag may become a call."""
    begun = inner.lstrip()
    return len(inner) <= MOST_CHARACTERS and (begun.startswith(_KIND) or _KIND.startswith(begun))


def _begun(text: str) -> int:
    """How many characters at the end of `text` may be the beginning of a call."""
    return next((size for size in range(min(len(_OPEN) - 1, len(text)), 0, -1) if _OPEN.startswith(text[-size:])), 0)
