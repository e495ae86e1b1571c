"""Which entries of a lorebook are told, given what was just said. Keys are plain words, never patterns."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from backend.tokens import estimated_tokens

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backend.characters import Lorebook, LoreEntry

MAX_SEARCHED = 8_000
"""Characters, the newest; entries are looked for before every answer."""

_SPACED = re.compile(
    r"[^\W\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u2e80-\ua4cf\uac00-\ud7ff\uf900-\uffef]"
)
"""A character of a word that spaces set apart: Thai, Burmese, Khmer, Chinese and Japanese words stand without spaces,
Korean ones have endings."""


def told(lorebook: Lorebook, lines: Sequence[str]) -> list[str]:
    """The contents of the entries that are constant or whose keys stand in the newest of `lines` (the newest last), in
    the order they are told in, within the book's token budget."""
    depth = lorebook.scan_depth
    searched = "\n".join(lines[-depth:] if depth > 0 else ())[-MAX_SEARCHED:]
    folded = searched.casefold()
    called = [
        (place, entry)
        for place, entry in enumerate(lorebook.entries)
        if entry.content.strip() and (entry.constant or _is_called(entry, searched, folded))
    ]
    fitting = _fitting(called, lorebook.token_budget)
    return [entry.content for _, entry in sorted(fitting, key=lambda found: (found[1].order, found[0]))]


def _is_called(entry: LoreEntry, searched: str, folded: str) -> bool:
    def spoken_of(keys: tuple[str, ...]) -> bool:
        if entry.case_sensitive:
            return any(_stands_in(key.strip(), searched) for key in keys)
        return any(_stands_in(key.strip().casefold(), folded) for key in keys)

    return spoken_of(entry.keys) and (not entry.secondary_keys or spoken_of(entry.secondary_keys))


def _stands_in(key: str, text: str) -> bool:
    """Whether `key` stands in `text` as whole words; in scripts without spaces, anywhere."""
    if not key:
        return False
    start = text.find(key)
    while start >= 0:
        end = start + len(key)
        if not (_joined(text[start - 1 : start], key[0]) or _joined(key[-1], text[end : end + 1])):
            return True
        start = text.find(key, start + 1)
    return False


def _joined(left: str, right: str) -> bool:
    """Whether two neighbouring characters are of one word; "" is the edge of the text."""
    return bool(_SPACED.match(left) and _SPACED.match(right))


def _fitting(called: list[tuple[int, LoreEntry]], budget: int) -> list[tuple[int, LoreEntry]]:
    """What fits, taken by priority; at the same one, constant entries and those further up in the book come first."""
    fitting: list[tuple[int, LoreEntry]] = []
    for place, entry in sorted(called, key=lambda found: (-found[1].priority, not found[1].constant)):
        cost = estimated_tokens(entry.content)
        if cost <= budget:
            fitting.append((place, entry))
            budget -= cost
    return fitting
