"""The words of a decoding, and on which of them two decodings agree. Knows nothing of audio or of the model."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
"""Thai, Lao, Burmese, Khmer, kana and Han are written without spaces: each of their characters counts as a word."""

_WORD = re.compile(rf"\s*(?:[{_UNSPACED}]|[^\s{_UNSPACED}]+)[^\w\s]*")
_NEEDS_SPACE = re.compile(rf"[^\s{_UNSPACED}]")


@dataclass(frozen=True, slots=True)
class Word:
    """A word as written, with the space before it."""

    text: str
    start_s: float | None = None
    """From the start of the decoded audio; `None` where it is not known."""
    end_s: float | None = None

    @property
    def key(self) -> str:
        """What counts when words are compared: neither case nor punctuation."""
        return "".join(char for char in self.text.casefold() if unicodedata.category(char)[0] not in "PSZ")


def split(text: str) -> list[Word]:
    """The words of `text`, their times unknown."""
    return [Word(match.group()) for match in _WORD.finditer(text)]


def split_timed(pieces: Iterable[tuple[str, float, float]]) -> list[Word]:
    """The words of a text that comes in pieces (text, start and end in seconds).

    A time is known where a word's edge is the edge of a piece.
    """
    text, starts, ends = "", dict[int, float](), dict[int, float]()
    for piece, start_s, end_s in pieces:
        starts[len(text)] = start_s
        text += piece
        ends[len(text)] = end_s
    return [Word(match.group(), starts.get(match.start()), ends.get(match.end())) for match in _WORD.finditer(text)]


def text_of(words: Iterable[Word]) -> str:
    """The words as written."""
    return "".join(word.text for word in words)


def join(left: str, right: str) -> str:
    """Two texts as one, with a space between them where the script has spaces."""
    apart = left and _NEEDS_SPACE.match(left[-1]) and _NEEDS_SPACE.match(right)
    return (left + " " * bool(apart) + right).strip()


class Agreement:
    """LocalAgreement-2: what two decodings in a row of the same growing audio agree on is confirmed and stays.

    After Macháček, Dabre, Bojar: Turning Whisper into Real-Time Transcription System (2023).
    """

    def __init__(self) -> None:
        self._confirmed: list[Word] = []
        self._tentative: list[Word] = []

    @property
    def text(self) -> str:
        """The confirmed words and the newest tentative ones."""
        return join(text_of(self._confirmed), text_of(self._tentative))

    def update(self, words: Sequence[Word]) -> None:
        """Take in a new decoding of all the audio that has not been dropped."""
        known = _count_spoken(self._confirmed, words)
        self._confirmed = _retimed(self._confirmed, words[:known])
        agreed = _count_common(self._tentative, words[known:])
        self._confirmed += words[known : known + agreed]
        self._tentative = list(words[known + agreed :])

    def boundaries(self) -> Iterator[tuple[int, float, float]]:
        """Where the audio may be cut: the number of confirmed words before, the end of the last of them, and the start
        of the next word, in seconds."""
        following = self._confirmed + self._tentative[:1]
        for count, (word, after) in enumerate(pairwise(following), 1):
            if word.end_s is not None and after.start_s is not None:
                yield count, word.end_s, after.start_s

    def drop(self, count: int) -> str:
        """The text of the first `count` confirmed words, which are forgotten: their audio is no longer decoded."""
        dropped, self._confirmed = self._confirmed[:count], self._confirmed[count:]
        return text_of(dropped)

    def close(self, words: Sequence[Word]) -> str:
        """The text of audio of which `words` is the last decoding; everything is forgotten."""
        known = _count_spoken(self._confirmed, words)
        text = join(text_of(self._confirmed), text_of(words[known:]))
        self._confirmed, self._tentative = [], []
        return text


def _count_common(left: Sequence[Word], right: Sequence[Word]) -> int:
    """Length of the common prefix."""
    count = 0
    for one, other in zip(left, right, strict=False):
        if one.key != other.key:
            break
        count += 1
    return count


def _count_spoken(known: Sequence[Word], words: Sequence[Word]) -> int:
    """How many of `words` say what `known` says, be it in other words: the prefix of least edit distance to `known`.

    Of several such prefixes the longest, so that a word is not said again by the rest.
    """
    same = _count_common(known, words)
    if same == len(known):
        return same
    rest = [word.key for word in words[same:]]
    costs = list(range(len(rest) + 1))
    for key in (word.key for word in known[same:]):
        diagonal, costs[0] = costs[0], costs[0] + 1
        for index, other in enumerate(rest, 1):
            change = diagonal + (key != other)
            diagonal = costs[index]
            costs[index] = min(change, diagonal + 1, costs[index - 1] + 1)
    return same + max(range(len(costs)), key=lambda count: (-costs[count], count))


def _retimed(confirmed: Sequence[Word], spoken: Sequence[Word]) -> list[Word]:
    """The confirmed words as they were written, with the times of the words that say them now."""
    if len(confirmed) != len(spoken):
        return [replace(word, start_s=None, end_s=None) for word in confirmed]
    return [replace(word, start_s=now.start_s, end_s=now.end_s) for word, now in zip(confirmed, spoken, strict=True)]
