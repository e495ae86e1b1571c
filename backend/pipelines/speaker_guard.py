"""Keeps a character to its own lines: a reply ends where the model begins to write somebody else's.

Models trained on scripts continue the dialogue ("Theo: Well, ..."). A line or sentence that opens with another
participant's name and a colon ends the reply; the character's own name in front of its line is removed.
"""

from __future__ import annotations

import asyncio
import re
import sys
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING

from backend.audio import SAMPLE_BYTES, sample_count
from backend.engines.interfaces import Finish, OwnWords, Speech, SpeechOver

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator, Sequence

    from backend.engines.interfaces import Written

ALWAYS_OTHERS = ("User", "Human", "You", "Assistant", "System")
"""Labels that never open a character's own line, whatever the person is called."""

REST_WITHIN_S = 2.0
"""Speech is made a second at a time, so that its rest needs a writer who goes on for so long."""

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
    another speaker's line begins, once what had been written before is heard. Closes `written` when it ends."""
    words, finish, samples = _GuardedWords(guard), None, 0
    async with aclosing(written):
        async for item in written:
            if isinstance(item, str | OwnWords):
                for own in words.feed(item):
                    yield own
                if guard.finished:
                    async for piece in _speech_before(item, written, samples):
                        yield piece
                    return
            elif isinstance(item, Finish):
                finish = item
            else:
                samples += sample_count(item.pcm) if isinstance(item, Speech) else 0
                yield item
    for own in words.finish():
        yield own
    if finish is not None:
        yield finish


async def _speech_before(
    words: str | OwnWords, written: AsyncGenerator[Written], samples: int
) -> AsyncGenerator[Speech]:
    """The speech that had been written before these words; `samples` of it have come already."""
    if isinstance(words, str):
        return
    left = words.after - samples if words.heard else sys.maxsize
    while left > 0:
        try:
            item = await asyncio.wait_for(anext(written, None), REST_WITHIN_S)
        except TimeoutError:
            return
        if item is None or isinstance(item, SpeechOver):
            return
        if isinstance(item, Speech):
            yield Speech(item.pcm[: left * SAMPLE_BYTES])
            left -= sample_count(item.pcm)


class _GuardedWords:
    """The character's own words of a reply, each of the kind it came as."""

    def __init__(self, guard: SpeakerGuard) -> None:
        self._guard = guard
        self._last: str | OwnWords = ""

    def feed(self, words: str | OwnWords) -> Iterator[str | OwnWords]:
        """What is sure after these."""
        if _heard(words) != _heard(self._last):
            yield from self.finish()
        self._last = words
        yield from self._sure(self._guard.feed(words if isinstance(words, str) else words.text))

    def finish(self) -> Iterator[str | OwnWords]:
        """The rest."""
        yield from self._sure(self._guard.finish())

    def _sure(self, text: str) -> Iterator[str | OwnWords]:
        if text:
            yield text if isinstance(self._last, str) else replace(self._last, text=text)


def _heard(words: str | OwnWords) -> bool | None:
    return None if isinstance(words, str) else words.heard
