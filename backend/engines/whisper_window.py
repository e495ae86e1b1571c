"""The stretch of audio that is decoded again and again, and the quiet places where it can be cut."""

from __future__ import annotations

import numpy as np

from backend.audio import SAMPLE_BYTES, to_float, whole_samples
from backend.engines.interfaces import HEARING_RATE_HZ

FULL_S = 28
"""A window holds this much, so that it fits into the 30 s that Whisper hears at a time."""

STEP_S = 0.01
QUIET_S = 0.1
"""A cut goes through the middle of so much quiet, found in steps of `STEP_S`."""


class Window:
    """Audio (PCM16LE mono 16 kHz) that is added at the end and cut off at the beginning; positions are in bytes."""

    def __init__(self) -> None:
        self._pcm = bytearray()

    def __len__(self) -> int:
        return len(self._pcm)

    def take(self, pcm: memoryview) -> memoryview:
        """Add as much of `pcm` as there is room for; returns the rest."""
        room = FULL_S * HEARING_RATE_HZ * SAMPLE_BYTES - len(self._pcm)
        self._pcm += pcm[:room]
        return pcm[room:]

    def audio(self, end: int | None = None) -> bytes:
        """What comes before the position `end`, by default everything but half a sample at the end."""
        return whole_samples(bytes(self._pcm[:end]))

    def drop(self, end: int) -> None:
        """Forget what comes before the position `end`."""
        del self._pcm[:end]

    def quietest(self, start_s: float, end_s: float) -> tuple[float, int]:
        """The quietest `QUIET_S` between two times: its mean power (full scale is 1) and the position of its middle.

        Times too close together, or beyond the end, are moved apart or back; the window must be longer than that.
        """
        step, steps = round(STEP_S * HEARING_RATE_HZ), round(QUIET_S / STEP_S)
        last = min(round(end_s / STEP_S), len(self) // SAMPLE_BYTES // step)
        first = max(0, min(round(start_s / STEP_S), last - steps))
        last = max(last, first + steps)
        samples = to_float(bytes(self._pcm[first * step * SAMPLE_BYTES : last * step * SAMPLE_BYTES]))
        powers = np.square(samples).reshape(-1, step).mean(axis=1)
        spans = np.convolve(powers, np.full(steps, 1 / steps), "valid")
        quietest = int(spans.argmin())
        return float(spans[quietest]), (first + quietest + steps // 2) * step * SAMPLE_BYTES
