"""Which entries of a lorebook are told, given what was just said. Keys are plain words, never patterns."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from backend.tokens import estimated_tokens

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backend.characters import Lorebook, LoreEntry

MAX_SEARCHED = 8_000
"""Characters, the newest; entries are looked for before every answer."""
MAX_PHRASES = 2_000
"""Keys of several words, all of them spoken, that are looked for at once; the others are taken not to be there."""
BOOKS_PREPARED = 64

_WORD = re.compile(
    r"[^\W\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u2e80-\ua4cf\uac00-\ud7ff\uf900-\uffef]+|\S"
)
"""A word of a script that sets words apart; else every character is one. Thai, Burmese, Khmer, Chinese and Japanese
words stand without spaces, Korean ones have endings."""

Words = tuple[str, ...]
Keys = tuple[Words, ...]


def told(lorebook: Lorebook, lines: Sequence[str]) -> list[str]:
    """The contents of the entries that are constant or whose keys stand in the newest of `lines` (the newest last), in
    the order they are told in, within the book's token budget."""
    if not lorebook.entries:
        return []
    depth = lorebook.scan_depth
    searched = "\n".join(lines[-depth:] if depth > 0 else ())[-MAX_SEARCHED:]
    exact, folded = _Searched(searched), _Searched(searched.casefold())
    called: list[tuple[int, LoreEntry]] = []
    for place, (entry, (keys, secondary)) in enumerate(zip(lorebook.entries, _keys(lorebook), strict=True)):
        text = exact if entry.case_sensitive else folded
        if not entry.content.strip():
            continue
        if entry.constant or (text.has_any(keys) and (not secondary or text.has_any(secondary))):
            called.append((place, entry))
    fitting = _fitting(called, lorebook.token_budget)
    return [entry.content for _, entry in sorted(fitting, key=lambda found: (found[1].order, found[0]))]


class _Searched:
    """A text in which whole words are looked for."""

    def __init__(self, text: str) -> None:
        words = _words(text)
        self._words = set(words)
        self._text = _phrase(words)
        self._phrases_left = MAX_PHRASES

    def has_any(self, keys: Keys) -> bool:
        return any(self._has(key) for key in keys)

    def _has(self, key: Words) -> bool:
        if not key or not self._words.issuperset(key):
            return False
        if len(key) == 1:
            return True
        self._phrases_left -= 1
        return self._phrases_left >= 0 and _phrase(key) in self._text


@lru_cache(BOOKS_PREPARED)
def _keys(lorebook: Lorebook) -> tuple[tuple[Keys, Keys], ...]:
    """The keys of each entry and its secondary ones, as words."""

    def prepared(keys: tuple[str, ...], entry: LoreEntry) -> Keys:
        return tuple(_words(key if entry.case_sensitive else key.casefold()) for key in keys)

    return tuple((prepared(entry.keys, entry), prepared(entry.secondary_keys, entry)) for entry in lorebook.entries)


def _words(text: str) -> Words:
    return tuple(_WORD.findall(text))


def _phrase(words: Words) -> str:
    """Words so that whole ones are found in others."""
    return f" {' '.join(words)} "


def _fitting(called: list[tuple[int, LoreEntry]], budget: int) -> list[tuple[int, LoreEntry]]:
    """What fits, taken by priority; at the same one, constant entries and those further up in the book come first."""
    fitting: list[tuple[int, LoreEntry]] = []
    for place, entry in sorted(called, key=lambda found: (-found[1].priority, not found[1].constant)):
        cost = estimated_tokens(entry.content)
        if cost <= budget:
            fitting.append((place, entry))
            budget -= cost
    return fitting
