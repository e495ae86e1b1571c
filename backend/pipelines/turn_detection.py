"""When the person begins to speak, speaks long enough to cut in, and has finished.

A pure state machine over voice-activity probabilities, one per 32 ms window. Knows nothing of audio or time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum, auto
from typing import Literal

WINDOW_MS = 32

Eagerness = Literal["low", "medium", "high"]
Mode = Literal["auto", "push_to_talk"]

SILENCE_MS: dict[Eagerness, int] = {"low": 900, "medium": 500, "high": 300}
"""Silence that ends a turn, when it is not given in milliseconds."""

VOICED = 0.5
UNVOICED = 0.35
"""Silero's recommended hysteresis: speech begins above the one and goes on until below the other."""

START_WINDOWS = 3
"""Voiced windows in a row that make a start; clicks and knocks are shorter."""

BARGE_IN_WINDOWS = 7
"""Voiced windows (224 ms) after which speech cuts in on a character; most coughs are shorter."""


@dataclass(frozen=True, slots=True)
class TurnSettings:
    """How turns are taken. `silence_ms` overrides what `eagerness` stands for."""

    silence_ms: int | None = None
    eagerness: Eagerness = "medium"
    mode: Mode = "auto"

    def changed(self, silence_ms: int | None, eagerness: Eagerness | None, mode: Mode | None) -> TurnSettings:
        """These settings with what is given; an eagerness given alone replaces an earlier number of milliseconds."""
        kept_ms = self.silence_ms if eagerness is None else None
        return TurnSettings(silence_ms or kept_ms, eagerness or self.eagerness, mode or self.mode)

    @property
    def silence_windows(self) -> int:
        """Unvoiced windows in a row that end a turn."""
        silence_ms = SILENCE_MS[self.eagerness] if self.silence_ms is None else self.silence_ms
        return max(1, math.ceil(silence_ms / WINDOW_MS))


class Signal(Enum):
    """What a window brought about."""

    STARTED = auto()
    BARGED_IN = auto()
    STOPPED = auto()


class TurnDetector:
    """Follows one microphone."""

    def __init__(self) -> None:
        self.speaking = False
        self._voiced_run = 0
        self._voiced_total = 0
        self._unvoiced_run = 0

    @property
    def unvoiced_windows(self) -> int:
        """Windows since the last voiced one."""
        return self._unvoiced_run

    def feed(self, probability: float, settings: TurnSettings) -> Signal | None:
        """Account for one window."""
        voiced = probability >= (UNVOICED if self.speaking else VOICED)
        self._voiced_run = self._voiced_run + 1 if voiced else 0
        self._unvoiced_run = 0 if voiced else self._unvoiced_run + 1
        if not self.speaking:
            return self._maybe_start()
        self._voiced_total += voiced
        if voiced and self._voiced_total == BARGE_IN_WINDOWS:
            return Signal.BARGED_IN
        if settings.mode == "auto" and self._unvoiced_run >= settings.silence_windows:
            return self.stop()
        return None

    def stop(self) -> Signal:
        """The utterance is over, whatever the microphone says."""
        self.speaking = False
        self._voiced_run = 0
        return Signal.STOPPED

    def _maybe_start(self) -> Signal | None:
        if self._voiced_run < START_WINDOWS:
            return None
        self.speaking = True
        self._voiced_total = self._voiced_run
        return Signal.STARTED
