"""How long a silent speech server is waited for while another could speak instead.

What counts is what the listener notices. Before a reply is heard that is not known: a fixed time is allowed. From then
on the listener takes as long to hear as it takes to say: while plenty is unheard a server may take its time; before
that runs out, another one must have said again what has been said, for which it takes about as long as this one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from backend.engines.pace import Pace, Take

FIRST_SOUND_S = 3.0
"""Of a text nobody is waiting for. A busy server may take as long, and asking another then makes two servers busy."""
FIRST_AGAIN_S = 0.6
"""Of a text that goes on with what is being heard: at least this, and twice what the server usually takes."""
RESERVE_S = 0.3
"""How much more must be unheard when another server is asked."""
SHORTEST_S = 0.4
LONGEST_S = 1.0
"""Bounds of a silence that is nothing unusual, for a server that makes speech in pieces and not much faster than it is
heard: up to twice as long as it has been silent before."""
STUTTER = 0.1
"""Gaps in speech that are nothing unusual, relative to it, for a server about as fast as one listens."""


class Ear:
    """Somebody who listens to a voice, at the usual speed, from its first sound on; across texts."""

    def __init__(self, rate_hz: int, clock: Callable[[], float]) -> None:
        self.rate_hz = rate_hz
        self._clock = clock
        self._heard_until: float | None = None
        """When all that was passed on has been heard."""
        self.gaps_s = 0.0
        """How long nothing was heard while it listened, in all."""

    def passed_on(self, samples: int) -> None:
        """So much goes to the listener."""
        now = self._clock()
        if self.listens:
            self.gaps_s += max(0.0, self.silence_s())
        self._heard_until = max(now, self._heard_until or now) + samples / self.rate_hz

    def interrupted(self) -> None:
        """What was to be heard still is not heard any more."""
        self._heard_until = None

    @property
    def unheard_s(self) -> float:
        """How much of what was passed on the listener cannot have heard yet."""
        return max(0.0, -self.silence_s())

    @property
    def listens(self) -> bool:
        """Whether something is being heard, or was a moment ago: what comes next is waited for."""
        return self._heard_until is not None and self.silence_s() < LONGEST_S

    def silence_s(self, after_s: float = 0.0) -> float:
        """How long nothing will have been heard if the next sound comes after so long; negative while there is more to
        hear."""
        return 0.0 if self._heard_until is None else self._clock() + after_s - self._heard_until


class Patience:
    """With one text. `anyone_else` tells whether there is somebody else to speak; without, patience has no end.
    `others_pace`: how long the best of them is known to take for a second of speech."""

    def __init__(self, ear: Ear, anyone_else: Callable[[], bool], others_pace: Callable[[], float | None]) -> None:
        self._ear = ear
        self.anyone_else = anyone_else
        self._others_pace = others_pace
        self._gaps_before_s = ear.gaps_s

    def next_take(self) -> None:
        """Another server begins."""
        self._gaps_before_s = self._ear.gaps_s

    def is_over(self, take: Take) -> bool:
        """With a server that never falls silent for long, but leaves gap after gap where another one would not."""
        gaps_s, pace = self._ear.gaps_s - self._gaps_before_s, self._others_pace()
        return pace is not None and gaps_s > LONGEST_S + take.speech_s * max(STUTTER, 2 * (pace - 1))

    def seconds(self, take: Take, usual: Pace | None) -> float | None:
        """How long the server, which has said so much and has such a pace as a rule, may be silent from now on."""
        if not self.anyone_else():
            return None
        pace = take.pace(usual)
        if pace is None:
            return self._for_the_first_sound(usual)
        usual_s = min(max(SHORTEST_S, 2 * take.longest_wait_s(usual)), LONGEST_S)
        return max(usual_s, self._ear.unheard_s - pace.until(take.speech_s) - RESERVE_S)

    def _for_the_first_sound(self, usual: Pace | None) -> float:
        if not self._ear.listens:
            return FIRST_SOUND_S
        usual_s = LONGEST_S if usual is None else max(FIRST_AGAIN_S, 2 * usual.first_s)
        return min(FIRST_SOUND_S, max(usual_s, self._ear.unheard_s - RESERVE_S))
