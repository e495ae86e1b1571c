"""Word error rate: substitutions, insertions and deletions per word that was said."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_WORD = re.compile(r"[a-z0-9]+(?:'[a-z]+)?")
_DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_SPELT = {"ok": "okay", "um": "", "uh": ""} | {str(value): word for value, word in enumerate(_DIGITS)}


def words(text: str) -> list[str]:
    """The words of a text without case, punctuation and fillers; single digits are spelt out."""
    found = (_SPELT.get(word, word) for word in _WORD.findall(text.lower().replace("’", "'")))
    return [word for word in found if word]


def word_errors(said: Sequence[str], understood: Sequence[str]) -> int:
    """Levenshtein distance over words."""
    row = list(range(len(understood) + 1))
    for index, word in enumerate(said, 1):
        before, row[0] = row[0], index
        for column, other in enumerate(understood, 1):
            before, row[column] = row[column], min(row[column] + 1, row[column - 1] + 1, before + (word != other))
    return row[-1]


def word_error_rate(pairs: Iterable[tuple[str, str]]) -> float | None:
    """Errors per word over all (said, understood); `None` when nothing was said."""
    counted = [(words(said), words(understood)) for said, understood in pairs]
    total = sum(len(said) for said, _ in counted)
    return sum(word_errors(said, understood) for said, understood in counted) / total if total else None
