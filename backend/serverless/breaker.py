"""A circuit breaker: after some failures in a row nothing is tried for a while, then once."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

State = Literal["closed", "open", "half-open"]


class Breaker:
    """Opens after `failures` in a row and stays open for `pause_s`; then one more failure opens it again."""

    def __init__(self, failures: int, pause_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = failures
        self._pause_s = pause_s
        self._clock = clock
        self._opened_at: float | None = None
        self.failures = 0
        """In a row."""
        self.last_error = ""
        """What the last of them said; empty after a success."""

    @property
    def retry_after_s(self) -> float:
        """How long nothing is tried; 0 when something may be."""
        return 0.0 if self._opened_at is None else max(0.0, self._opened_at + self._pause_s - self._clock())

    @property
    def state(self) -> State:
        """`half-open`: the next attempt decides."""
        if self._opened_at is None:
            return "closed"
        return "open" if self.retry_after_s > 0 else "half-open"

    def succeeded(self) -> None:
        """Note a success: all is forgotten."""
        self.failures, self.last_error, self._opened_at = 0, "", None

    def failed(self, error: str) -> None:
        """Note a failure."""
        self.failures += 1
        self.last_error = error
        if self.failures >= self._limit:
            self._opened_at = self._clock()
