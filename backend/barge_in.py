"""Whether a person who speaks while the cast has the floor cuts in. Every step but the last can be taken back.

A pure state machine over one utterance. Knows nothing of audio, sockets or who speaks.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from backend.pipelines.spoken_words import echoes, is_backchannel, may_be_backchannel

HOLD_MS = 192
"""Voice after which the character falls silent to listen. Knocks and most coughs are shorter."""

CUT_MS = 704
"""Voice after which the person cuts in, unless the words so far are no interruption. Hardly a backchannel is longer,
and nothing is lost by waiting: the character is silent already."""

THINKING_MS = 416
"""The same while the cast has not been heard yet, and there is nothing to silence."""

DUCKED_GAIN = 0.3


class CastState(Enum):
    """What the cast is doing."""

    THINKING = auto()
    """Nothing of the turn has been heard."""
    SPEAKING = auto()


class Step(Enum):
    """What is to be done."""

    DUCK = auto()
    """The character goes on more quietly."""
    HOLD = auto()
    """The character waits in mid-word."""
    RESUME = auto()
    """The character goes on as before."""
    CUT = auto()
    """The turn is over."""


@dataclass(slots=True)
class BargeIn:
    """Follows one utterance of the person's. `shows_words`: words are recognised while it is being spoken;
    `trusts_words`: they are mostly those that were said."""

    shows_words: bool
    trusts_words: bool = True
    state: Step = Step.RESUME
    _voiced_ms: int = 0
    _listens: bool = False
    """Whether there was something to listen to when the person began."""
    _dismissed: bool = False
    """The words so far are no interruption."""

    def started(self, cast: CastState) -> Step | None:
        """Speech has begun."""
        self._listens = cast is CastState.SPEAKING
        return self._go(Step.DUCK) if self._listens else None

    def voiced(self, voiced_ms: int, cast: CastState) -> Step | None:
        """Speech goes on: there has been voice for so long."""
        self._voiced_ms = voiced_ms
        if self._dismissed:
            return None
        if cast is CastState.THINKING:
            return self._go(Step.CUT) if voiced_ms >= THINKING_MS else None
        if voiced_ms >= (CUT_MS if self.shows_words else HOLD_MS):
            return self._go(Step.CUT)
        return self._go(Step.HOLD) if voiced_ms >= HOLD_MS else None

    def words(self, text: str, spoken: str) -> None:
        """The person seems to have said `text` so far, while `spoken` was being said."""
        self._dismissed = bool(text.strip()) and (is_backchannel(text) or echoes(text, spoken))

    def paused(self, text: str, spoken: str) -> Step | None:
        """The person has said `text` and is quiet, for the moment or for good."""
        self.words(text, spoken)
        return self._go(Step.RESUME if self.dismisses(text, spoken) else Step.CUT)

    def dismisses(self, text: str, spoken: str) -> bool:
        """Whether `text`, with nothing to follow, is no interruption."""
        misheard = self._listens and not self.trusts_words
        backchannel = may_be_backchannel if misheard else is_backchannel
        return not text.strip() or backchannel(text) or echoes(text, spoken)

    def over(self) -> Step | None:
        """The person has finished, and it was no interruption."""
        return self._go(Step.RESUME)

    def _go(self, step: Step) -> Step | None:
        if step is self.state or (step is Step.DUCK and self.state is Step.HOLD):
            return None
        self.state = step
        return step
