"""How fast speech servers speak: measured in every answer, and used to tell how long another one takes to catch up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

HELD_UP_S = 0.02
"""From this long between two pieces on our side, the server is ahead of us and its own pace is no longer seen."""

ENOUGH_S = 0.3
"""Of speech after the first piece, to tell a pace by."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds until the first sound of a text, and from then on for each second of speech."""

    first_s: float
    per_s: float = 0.0

    def until(self, speech_s: float) -> float:
        """How long so much of a text takes."""
        return self.first_s + self.per_s * speech_s


class Take:
    """One answer of a server, as its pieces come."""

    def __init__(self, rate_hz: int, clock: Callable[[], float]) -> None:
        self._rate_hz = rate_hz
        self._clock = clock
        self._asked_at = clock()
        self._came_at: float | None = None
        self._first_s: float | None = None
        self._first_samples = 0
        self._samples = 0
        self._measured_s, self._measured_samples = 0.0, 0
        self._held_up = False
        self._longest_s: float | None = None

    @property
    def begun(self) -> bool:
        return self._first_s is not None

    @property
    def speech_s(self) -> float:
        """How much has come."""
        return self._samples / self._rate_hz

    def pace(self, usual: Pace | None = None) -> Pace | None:
        """As far as it was seen: up to where the listener's side began to hold it up, and where that is not enough, as
        usual. `None` before the first sound."""
        if self._first_s is None:
            return None
        measured_s = self._measured_samples / self._rate_hz
        if measured_s < ENOUGH_S and usual is not None:
            return Pace(self._first_s, usual.per_s)
        return Pace(self._first_s, self._measured_s / measured_s if measured_s else 0.0)

    def longest_wait_s(self, usual: Pace | None = None) -> float:
        """For a piece after the first one; while there is none, what one as long takes as a rule or, where that is not
        known, what the first one took."""
        if self._longest_s is not None:
            return self._longest_s
        return (self._first_s or 0.0) if usual is None else usual.per_s * self.speech_s

    def asks(self) -> None:
        """The next piece is waited for."""
        self._asked_at = self._clock()
        self._held_up |= self._came_at is not None and self._asked_at - self._came_at > HELD_UP_S

    def came(self, samples: int) -> None:
        """A piece has come."""
        self._came_at = self._clock()
        waited_s = self._came_at - self._asked_at
        if self._first_s is None:
            self._first_s = waited_s
        else:
            self._longest_s = max(waited_s, self._longest_s or 0.0)
        if self._samples and not self._held_up:
            self._measured_s += waited_s
            self._measured_samples += samples
        self._samples += samples
