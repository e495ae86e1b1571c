"""How long a silent speech server is waited for while another could speak instead.

What counts is what the listener notices. Before anything is heard of a text that is not known: a fixed time is allowed.
From then on the listener takes as long to hear as it takes to say: while plenty is unheard a server may take its time;
before that runs out, another one must have said again what has been said, for which it takes about as long as this one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

FIRST_SOUND_S = 3.0
"""Of a text. A busy server may take as long, and asking another then makes two servers busy."""
RESERVE_S = 0.3
"""How much more must be unheard when another server is asked."""
SHORTEST_S = 0.4
LONGEST_S = 1.0
"""Bounds of a silence that is nothing unusual, for a server that makes speech in pieces and not much faster than it is
heard: up to twice as long as it has been silent before."""


class Patience:
    """With one text. `anyone_else` tells whether there is somebody else to speak; without, patience has no end."""

    def __init__(self, rate_hz: int, anyone_else: Callable[[], bool], clock: Callable[[], float]) -> None:
        self._rate_hz = rate_hz
        self._anyone_else = anyone_else
        self._clock = clock
        self._longest_wait_s: float | None = None
        self._waited_s = 0.0
        self._samples = 0
        self._first_heard_at = 0.0

    def next_take(self) -> None:
        """Another server begins."""
        self._longest_wait_s, self._waited_s = None, 0.0

    def waited(self, seconds: float) -> None:
        """The server has sent something, after so long."""
        self._longest_wait_s = max(seconds, self._longest_wait_s or 0.0)
        self._waited_s += seconds

    def passed_on(self, samples: int) -> None:
        """So much goes to the listener, who begins to listen now if it is the first."""
        if not self._samples:
            self._first_heard_at = self._clock()
        self._samples += samples

    @property
    def unheard_s(self) -> float:
        """How much of what was passed on the listener cannot have heard yet, who listens at the usual speed."""
        if not self._samples:
            return 0.0
        return max(0.0, self._samples / self._rate_hz - (self._clock() - self._first_heard_at))

    @property
    def seconds(self) -> float | None:
        """How long the server may be silent from now on."""
        if not self._anyone_else():
            return None
        if self._longest_wait_s is None:
            somebody_waits = self._samples > 0
            return min(FIRST_SOUND_S, max(LONGEST_S, self.unheard_s - RESERVE_S)) if somebody_waits else FIRST_SOUND_S
        usual_s = min(max(SHORTEST_S, 2 * self._longest_wait_s), LONGEST_S)
        return max(usual_s, self.unheard_s - self._waited_s - RESERVE_S)
