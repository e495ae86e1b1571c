"""Keeps a character to its own lines: a reply ends where the model begins to write somebody else's.

Models trained on scripts continue the dialogue ("Theo: Well, ..."). A line or sentence that opens with another
participant's name and a colon ends the reply; the character's own name in front of its line is removed.
"""

from __future__ import annotations

import re
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING

from backend.engines.interfaces import Finish, OwnWords

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from backend.engines.interfaces import Written

ALWAYS_OTHERS = ("User", "Human", "You", "Assistant", "System")
"""Labels that never open a character's own line, whatever the person is called."""

MOST_STOPS = 4
"""Servers take no more."""

_OPENING = re.compile(r"(?:\A|\n|(?<=[.!?…\"”*)])[ \t])\s*(?P<markup>[*_\[(]*)")
"""Where a label can stand: at the start, on a new line, or after a sentence's end; markup may precede it."""

_LOOK_BACK = 8
"""Characters before the unreleased text in which an opening can begin."""


class SpeakerGuard:
    """Filters one reply of the character called `own`. `finished` turns true where somebody else's line begins."""

    def __init__(self, own: str, others: Sequence[str]) -> None:
        names = sorted({name for name in (*others, *ALWAYS_OTHERS) if name and name.casefold() != own.casefold()})
        self._other_label = re.compile(_label(names), re.IGNORECASE)
        self._own_label = re.compile(_label([own]) + r"[*_\s]*(?=[^*_\s])", re.IGNORECASE)
        self._names = tuple(name.casefold() for name in (*names, own))
        self._text = ""
        self._released = 0
        self.finished = False

    def feed(self, piece: str) -> str:
        """What of the text so far is surely the character's own, beyond what was returned before."""
        self._text += piece
        return self._release(complete=False)

    def finish(self) -> str:
        """The rest of the reply."""
        return self._release(complete=True)

    def _release(self, *, complete: bool) -> str:
        if self.finished:
            return ""
        self._remove_own_labels()
        safe = len(self._text)
        for opening in self._openings():
            if self._other_label.match(self._text, opening.end()):
                self.finished = True
            elif complete or not self._may_become_label(opening.end()):
                continue
            safe = max(self._released, opening.start())
            break
        released = self._text[self._released : safe]
        self._released = safe
        return released

    def _openings(self) -> list[re.Match[str]]:
        found = _OPENING.finditer(self._text, max(0, self._released - _LOOK_BACK))
        return [opening for opening in found if opening.end() >= self._released]

    def _remove_own_labels(self) -> None:
        for opening in reversed(self._openings()):
            label = self._own_label.match(self._text, opening.end())
            if label:
                self._text = self._text[: opening.start("markup")] + self._text[label.end() :]

    def _may_become_label(self, position: int) -> bool:
        """True when the text from here on is the beginning of a name, or a name still without its colon."""
        rest = self._text[position:].casefold().rstrip(" \t*_]):")
        return any(name.startswith(rest) for name in self._names)


def stop_sequences(own: str, others: Sequence[str]) -> tuple[str, ...]:
    """Where the language model shall stop by itself, so that it does not write in vain: the likeliest of `others` come
    first. The guard has the last word."""
    names = [name for name in dict.fromkeys(others) if name and name.casefold() != own.casefold()]
    return tuple(f"\n{name}:" for name in names[:MOST_STOPS])


def _label(names: Sequence[str]) -> str:
    """A name and a colon, with markup between them."""
    return rf"(?:{'|'.join(map(re.escape, names))})[*_\])]*[ \t]*:"


async def guard_reply(written: AsyncGenerator[Written], guard: SpeakerGuard) -> AsyncGenerator[Written]:
    """The character's own part of all that a language model writes, with its calls and its speech; ends early where
    another speaker's line begins. Closes `written` when it ends."""
    finish: Finish | None = None
    last: str | OwnWords = ""
    async with aclosing(written):
        async for item in written:
            match item:
                case str() | OwnWords():
                    last = item
                    if own := guard.feed(_text(item)):
                        yield _with_text(item, own)
                case Finish():
                    finish = item
                case _:
                    yield item
            if guard.finished:
                return
    if own := guard.finish():
        yield _with_text(last, own)
    if finish is not None:
        yield finish


def _text(words: str | OwnWords) -> str:
    return words if isinstance(words, str) else words.text


def _with_text(words: str | OwnWords, text: str) -> str | OwnWords:
    """Words of the same kind."""
    return text if isinstance(words, str) else replace(words, text=text)
