"""How far a text has been spoken by servers that take it over from each other, and what is left of it to ask for.

Who takes over is asked for the same text again, and what was heard is skipped: that is exact where servers say the
same. Where skipping would take longer than a listener should hear nothing, it is asked for the rest only, from the word
that was reached. Where that is, nobody knows, as servers say nothing of words: it is estimated by how fast the voice
has spoken before.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from backend.audio import sample_count
from backend.engines.interfaces import Speech, WordMark
from backend.engines.speech_joint import SpeechJoint
from backend.heard import TYPICAL_CHARACTERS_PER_S, spoken_length

if TYPE_CHECKING:
    from backend.engines.patience import Ear
    from backend.heard import SpeechRate

CERTAIN, GUESSED = 0.95, 0.7
"""How much of the estimate is counted on, by what the voice has spoken before and without: a word is rather heard twice
than not at all."""

WHOLE = 0.5
"""Of the time a text takes, with which it may be whole."""
LONG = 40
"""Letters of English from which that is asked."""
ALIKE = 1.25
"""How much longer than another one a take is that is as long."""

_WORD = re.compile(r"[\u3040-\u9fff]|[^\s\u3040-\u9fff]+")
"""Chinese and Japanese have no spaces: each sign is taken for a word."""


def reached(text: str, length: float) -> int:
    """The offset of the word that is being said after so much of `text`, in letters of English; one that has been begun
    is said again, and one is always left. A dash is none, nor are other signs by themselves."""
    begun = 0
    for word in _WORD.finditer(text):
        if not any(map(str.isalnum, word[0])):
            continue
        if word.start() and spoken_length(text[: word.start()]) > length:
            break
        begun = word.start()
    return begun


class SpeechProgress:
    """Of `text` in a voice that speaks at `rate`, if that is known, passed on to `ear`. `joins`: whether anybody could
    take it over."""

    def __init__(self, text: str, rate: SpeechRate | None, ear: Ear, *, joins: bool) -> None:
        self._text = text
        self._characters_per_s = rate.characters_per_s if rate else TYPICAL_CHARACTERS_PER_S
        self._certain = CERTAIN if rate else GUESSED
        self.ear = ear
        self._joint = SpeechJoint(ear.rate_hz, joins=joins)
        self._marks: tuple[WordMark, ...] = ()
        self._ended_s: float | None = None
        """After what the last take ended that said it was whole."""
        self.begin = 0
        """Where in the text the part begins that is asked for."""
        self.passed = 0
        """Samples that were passed on."""

    @property
    def left(self) -> str:
        """What is to be asked for."""
        return self._text[self.begin :]

    @property
    def position_s(self) -> float:
        """How far the speech of what is left has come."""
        return self._joint.position / self.ear.rate_hz

    @property
    def taken_s(self) -> float:
        """How long the newest take is so far."""
        return self._joint.taken / self.ear.rate_hz

    @property
    def next_word(self) -> int:
        """Offset in the text of the word that has been reached."""
        length = self._certain * self.position_s * self._characters_per_s
        return self.begin + reached(self.left, length)

    def breaks_off(self) -> bool:
        """Whether the take, which says that it ends here, has hardly said all that is left. Not if one before has
        ended there as well."""
        length, taken_s = spoken_length(self.left), self.taken_s
        ended_s, self._ended_s = self._ended_s, taken_s
        if ended_s is not None and taken_s <= ALIKE * ended_s:
            return False
        return length >= LONG and taken_s * self._characters_per_s < WHOLE * length

    def next_take(self) -> None:
        """What is fed from now on is what is left, from its beginning."""
        self._joint.next_take()

    def go_on_from(self, offset: int) -> Speech | None:
        """From now on only the text from there is left. The end of what was heard, faded out."""
        speech = self._passed_on(self._joint.break_off())
        self._joint = SpeechJoint(self.ear.rate_hz, joins=True)
        self.begin, self._ended_s = offset, None
        self._marks = (WordMark(offset, self.passed),)
        return speech

    def feed(self, pcm: bytes) -> Speech | None:
        """What can be heard of it now, if anything."""
        return self._passed_on(self._joint.feed(pcm))

    def finish(self) -> Speech | None:
        """The rest: the take is complete."""
        return self._passed_on(self._joint.finish())

    def _passed_on(self, pcm: bytes) -> Speech | None:
        if not pcm:
            return None
        marks, self._marks = self._marks, ()
        self.passed += sample_count(pcm)
        self.ear.passed_on(sample_count(pcm))
        return Speech(pcm, marks)
