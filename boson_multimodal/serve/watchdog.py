"""Notices an utterance that will not end: the model holds one sound or repeats itself."""

from __future__ import annotations

from collections import deque

STUCK_COLUMNS = 125
"""Five seconds. Pauses in speech are shorter."""

STUCK_CODES = 4
"""Silence and a held tone take few codes of the first codebook; speech takes a new one nearly every column."""

LOOP_COLUMNS = 200
LOOP_REPEATS = 4
"""Eight seconds that are the same at least four times over."""

_CHECK_EVERY = 25


class Watchdog:
    """Fed the first codebook's codes of one utterance."""

    def __init__(self) -> None:
        self._newest: deque[int] = deque(maxlen=LOOP_COLUMNS)
        self._fed = 0

    def feed(self, code: int) -> str | None:
        """Take the next code; the reason to end the utterance, if there is one now."""
        self._newest.append(code)
        self._fed += 1
        if self._fed % _CHECK_EVERY:
            return None
        codes = list(self._newest)
        if len(codes) >= STUCK_COLUMNS and len(set(codes[-STUCK_COLUMNS:])) <= STUCK_CODES:
            return "the model holds one sound"
        if len(codes) == LOOP_COLUMNS and _repeats(codes):
            return "the model repeats itself"
        return None


def _repeats(codes: list[int]) -> bool:
    return any(codes[period:] == codes[:-period] for period in range(1, len(codes) // LOOP_REPEATS + 1))
