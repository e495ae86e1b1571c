"""Where speech begins and how long it has been quiet, from voice-activity probabilities, one per 32 ms window.

Knows nothing of audio, words or turns.
"""

from __future__ import annotations

WINDOW_MS = 32

VOICED = 0.5
UNVOICED = 0.35
"""Silero's recommended hysteresis: speech begins above the one and goes on until below the other."""

START_WINDOWS = 3
"""Voiced windows in a row that make a start; clicks and knocks are shorter."""


class VoiceActivity:
    """Follows one microphone. Counts are of windows."""

    def __init__(self) -> None:
        self.speaking = False
        self.voiced = 0
        """Voiced windows since speech began."""
        self.unvoiced_run = 0
        """Windows since the last voiced one."""
        self._voiced_run = 0

    @property
    def voiced_ms(self) -> int:
        """How long there has been voice since speech began, pauses left out."""
        return self.voiced * WINDOW_MS

    @property
    def silence_ms(self) -> int:
        """How long it has been quiet."""
        return self.unvoiced_run * WINDOW_MS

    def feed(self, probability: float) -> bool:
        """Account for one window; whether it is voiced. `speaking` turns true with the window that makes a start."""
        voiced = probability >= (UNVOICED if self.speaking else VOICED)
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
        self._voiced_run = 0
