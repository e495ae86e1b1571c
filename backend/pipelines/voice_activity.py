"""Where speech begins and how long it has been quiet, from voice-activity probabilities and loudness, one of each per
32 ms window.

Knows nothing of audio, words or turns.
"""

from __future__ import annotations

WINDOW_MS = 32

VOICED = 0.5
UNVOICED = 0.35
"""Silero's recommended hysteresis: speech begins above the one and goes on until below the other."""

START_WINDOWS = 3
"""Voiced windows in a row that make a start; clicks and knocks are shorter."""

HUSH_DB = 12.0
"""A voice that is this much quieter than the person was is taken for somebody behind them, a television, or noise in
which the detector still hears them."""

HUSH_WINDOWS = 5
"""How many windows of that are still theirs (160 ms): unstressed syllables and trailing words."""

LOUDER_SHARE, QUIETER_DB = 0.5, 0.05
"""How the person's loudness is followed: half of the way up at each louder window, 1.6 dB a second down."""


class VoiceActivity:
    """Follows one microphone. Counts are of windows."""

    def __init__(self) -> None:
        self.speaking = False
        self.voiced = 0
        """Voiced windows since speech began."""
        self.unvoiced_run = 0
        """Windows since the last voiced one."""
        self._voiced_run = 0
        self._hushed_run = 0
        """Windows since the last one that was as loud as the person."""
        self._level_db: float | None = None
        """How loud the person speaks."""

    @property
    def voiced_ms(self) -> int:
        """How long there has been voice since speech began, pauses left out."""
        return self.voiced * WINDOW_MS

    @property
    def silence_ms(self) -> int:
        """How long it has been quiet."""
        return self.unvoiced_run * WINDOW_MS

    def feed(self, probability: float, level_db: float) -> bool:
        """Account for one window; whether it is voiced. `speaking` turns true with the window that makes a start.

        `level_db`: its power in decibels, from any zero.
        """
        voiced = probability >= (UNVOICED if self.speaking else VOICED) and not self._hushed(level_db)
        self._voiced_run = self._voiced_run + 1 if voiced else 0
        self.unvoiced_run = 0 if voiced else self.unvoiced_run + 1
        if self.speaking:
            self.voiced += voiced
        elif self._voiced_run >= START_WINDOWS:
            self.speaking = True
            self.voiced = self._voiced_run
        return voiced

    def stop(self) -> None:
        """The utterance is over, whatever the microphone says."""
        self.speaking = False
        self._voiced_run = self._hushed_run = 0
        self._level_db = None

    def _hushed(self, level_db: float) -> bool:
        """Whether it has been much quieter than the person for too long to be them."""
        level = level_db if self._level_db is None else self._level_db
        if self.speaking and level_db < level - HUSH_DB:
            self._hushed_run += 1
        else:
            self._hushed_run = 0
            rise_db = level_db - level
            self._level_db = level + (LOUDER_SHARE * rise_db if rise_db > 0 else -QUIETER_DB)
        return self._hushed_run > HUSH_WINDOWS
