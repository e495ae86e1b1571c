"""What a person has said so far, from the script they speak by: for a recogniser that makes no mistakes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from backend.audio import sample_count

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from backend.client.evaluation.corpus import Item


@dataclass(slots=True)
class Script:
    """What one item's person says, and how far they have come."""

    words: Sequence[tuple[str, int]] = ()
    """Each word and the sample it ends with."""
    spoken: Callable[[], int] = int
    """Tells how many samples have been said."""
    _taken: int = 0
    """Words in earlier utterances."""

    def said(self, delay: int = 0) -> str:
        """The words of this utterance that had been said `delay` samples ago. No punctuation: where a sentence ends is
        for others to find out."""
        return " ".join(self._known(delay)[self._taken :])

    def take(self) -> str:
        """The words of this utterance, which is over."""
        text = self.said()
        self._taken = len(self._known())
        return text

    def _known(self, delay: int = 0) -> list[str]:
        heard = self.spoken() - delay
        return [word for word, end in self.words if end <= heard]


class Prompter:
    """Follows one person, one item after another. An utterance goes by the script it began with: the session of an item
    may end after the next item has begun."""

    def __init__(self) -> None:
        self.script = Script()

    def follow(self, item: Item, spoken: Callable[[], int]) -> None:
        """From now on `item` is being said; `spoken` tells how many samples of it have been."""
        self.script = Script(words(item), spoken)


def words(item: Item) -> list[tuple[str, int]]:
    """The words of `item`, each with the sample it ends with. Between two pauses they are as long as they are written;
    the truth is known only at the pauses."""
    starts = [0, *(pause.end for pause in item.pauses)]
    ends = [*(pause.start for pause in item.pauses), sample_count(item.speech)]
    spread: list[tuple[str, int]] = []
    for part, start, end in zip(item.said, starts, ends, strict=True):
        written = part.split()
        letters = sum(map(len, written))
        reached = 0
        for word in written:
            reached += len(word)
            spread.append((word.strip(".,?!"), start + (end - start) * reached // letters))
    return spread
