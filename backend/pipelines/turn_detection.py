"""When the person has finished: how much silence it takes, given what was said so far.

One small strategy for each way of deciding. Knows nothing of audio or time; the words are judged by `spoken_words`, the
sound of the voice by its melody or, where there is one, by a turn model.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING, ClassVar, Literal, Protocol

from backend.pipelines.spoken_words import (
    Completeness,
    completeness,
    is_question,
    is_unmarked_yes_no_question,
    is_whole_answer,
    written_completeness,
)

if TYPE_CHECKING:
    from collections.abc import Callable

Eagerness = Literal["low", "medium", "high"]
Mode = Literal["auto", "push_to_talk"]


RISE = 0.3
"""Semitones from which a melody is heard to rise."""


class Sound(Enum):
    """How the voice sounds at the end of what was said. The value completes a verdict's reason."""

    NOT_JUDGED = ""
    NOT_KNOWN = ", sound not known"
    FINISHED = ", sounds finished"
    UNFINISHED = ", sounds unfinished"
    RISING = ", but the voice does not fall"
    UNDECIDED = ", the voice does not tell"

    @classmethod
    def of(cls, probability: float) -> Sound:
        """By a turn model's probability that the speaker has finished."""
        return cls.FINISHED if probability >= 0.5 else cls.UNFINISHED

    @classmethod
    def by_rise(cls, semitones: float | None) -> Sound:
        """By `final_rise` of the melody: a fall alone does not tell that somebody has finished, and a voice without a
        melody nothing at all."""
        if semitones is None:
            return cls.NOT_JUDGED
        if math.isnan(semitones):
            return cls.UNDECIDED
        return cls.RISING if semitones > RISE else cls.NOT_JUDGED


@dataclass(frozen=True, slots=True)
class Verdict:
    """The turn ends when it has been quiet for `silence_ms`; `None`: silence does not end it."""

    silence_ms: int | None
    reason: str
    """Why, for the log and for clients."""
    likely: bool
    """Whether this may well be the end, so that it is worth beginning to answer."""


class EndOfTurn(Protocol):
    """A way of deciding that a turn is over."""

    by_sound: ClassVar[bool]
    """Whether it matters how the voice sounds."""

    def judge(self, text: str | None, sound: Sound = Sound.NOT_JUDGED) -> Verdict:
        """`text`: what was said up to this silence; `None` while it is not known."""
        ...


@dataclass(frozen=True, slots=True)
class FixedSilence:
    """So many milliseconds, whatever was said."""

    silence_ms: int
    by_sound: ClassVar[bool] = False

    def judge(self, text: str | None, sound: Sound = Sound.NOT_JUDGED) -> Verdict:
        """See `EndOfTurn.judge`."""
        return Verdict(self.silence_ms, "silence", likely=True)


@dataclass(frozen=True, slots=True)
class SilenceByWords:
    """A finished sentence ends sooner; "and", "um" or a trailing comma wait longer.

    A turn model tells what is finished among all that the words allow to be. Without one, a statement whose melody
    rises waits like one that must go on, and a yes-no question that rises, as they do, like one of which nobody knows,
    unless the recogniser writes its mark.
    """

    finished_ms: int
    unclear_ms: int
    unfinished_ms: int
    completeness: Callable[[str], Completeness] = completeness
    heeds_melody: bool = True
    """Not for languages whose words have tones."""
    by_sound: ClassVar[bool] = True

    def judge(self, text: str | None, sound: Sound = Sound.NOT_JUDGED) -> Verdict:
        """See `EndOfTurn.judge`."""
        sound = self._heeded(text, sound)
        if text is None:
            silence_ms = self.unfinished_ms if sound is Sound.RISING else self.unclear_ms
            return Verdict(silence_ms, "words not known", likely=False)
        match self.completeness(text):
            case Completeness.UNFINISHED:
                return Verdict(self.unfinished_ms, "unfinished sentence", likely=False)
            case Completeness.FINISHED:
                by_words, finished = "finished sentence", sound in (Sound.FINISHED, Sound.NOT_JUDGED)
            case Completeness.UNCLEAR:
                by_words, finished = "unclear whether finished", sound is Sound.FINISHED
        silence_ms = self.finished_ms if finished else self.unclear_ms
        if sound is Sound.RISING:
            silence_ms = self.unfinished_ms
        return Verdict(silence_ms, by_words + sound.value, likely=True)

    def _heeded(self, text: str | None, sound: Sound) -> Sound:
        """What the sound tells of these words."""
        if sound not in (Sound.RISING, Sound.UNDECIDED):
            return sound
        if not self.heeds_melody:
            return Sound.NOT_JUDGED
        if text is None:
            return sound
        if sound is Sound.UNDECIDED and is_whole_answer(text):
            return Sound.NOT_JUDGED
        if not is_question(text):
            return sound
        return Sound.UNDECIDED if is_unmarked_yes_no_question(text) else Sound.NOT_JUDGED


@dataclass(frozen=True, slots=True)
class PushToTalk:
    """Only letting go of the button ends the turn."""

    by_sound: ClassVar[bool] = False

    def judge(self, text: str | None, sound: Sound = Sound.NOT_JUDGED) -> Verdict:
        """See `EndOfTurn.judge`."""
        return Verdict(None, "button held", likely=False)


BY_EAGERNESS: dict[Eagerness, SilenceByWords] = {
    "low": SilenceByWords(600, 1000, 2000),
    "medium": SilenceByWords(256, 768, 1200),
    "high": SilenceByWords(160, 352, 800),
}


@dataclass(frozen=True, slots=True)
class TurnSettings:
    """How turns are taken. `silence_ms` overrides what `eagerness` stands for."""

    silence_ms: int | None = None
    eagerness: Eagerness = "medium"
    mode: Mode = "auto"
    language: str | None = None
    """What the person speaks, ISO 639-1; `None`: not known, and taken for English where words are judged."""

    def changed(
        self, silence_ms: int | None, eagerness: Eagerness | None, mode: Mode | None, language: str | None = None
    ) -> TurnSettings:
        """These settings with what is given. An eagerness given alone replaces an earlier number of milliseconds; an
        empty language means that it is not known."""
        kept_ms = self.silence_ms if eagerness is None else None
        spoken = self.language if language is None else language or None
        return TurnSettings(silence_ms or kept_ms, eagerness or self.eagerness, mode or self.mode, spoken)

    @property
    def end_of_turn(self) -> EndOfTurn:
        """The strategy these settings ask for."""
        if self.mode == "push_to_talk":
            return PushToTalk()
        if self.silence_ms is not None:
            return FixedSilence(self.silence_ms)
        by_words = BY_EAGERNESS[self.eagerness]
        if self.language in (None, "en"):
            return by_words
        return replace(by_words, completeness=written_completeness, heeds_melody=False)
