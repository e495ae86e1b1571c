"""Whether the microphone hears the character itself: what it hears is compared with what is being played.

Both are reduced to the loudness of a few bands over time, which rooms, loudspeakers and echo cancellers change little
but for level. Knows nothing of speech, words or turns.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from backend.audio import SAMPLE_BYTES, to_float
from backend.engines.interfaces import HEARING_RATE_HZ

FRAME_S, HOP_S = 0.032, 0.016
COMPARED_S = 0.4
"""How much of the microphone is compared: enough for a syllable or two, short enough to notice who joins in."""

LATEST_S, EARLIEST_S = 0.15, 0.6
"""By how much the listener may be ahead of the position that is assumed, and behind it, room and devices included."""

KEPT_S = 4.0
"""Of what was sent: all that is on its way to the ear, and what was heard last."""

BAND_EDGES_HZ = (150, 300, 450, 600, 800, 1050, 1350, 1750, 2250, 2900, 3700, 4700)
RANGE_DB = 30.0
"""Cells more than this below the loudest count as equally silent: there the room's own noise lies."""

ALIKE = 0.85
"""Correlation from which it is an echo. Echoes come to 0.95 and more, at -30 dB too; other speech rarely to 0.7."""

Features = NDArray[np.float32]


class EchoReference:
    """What has been sent of one turn, as it will be heard: one reply after another, at `rate_hz`."""

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        # Before the turn nothing was heard.
        self._kept = bytearray(int((COMPARED_S + EARLIEST_S) * rate_hz) * SAMPLE_BYTES)
        self._end = 0

    def sent(self, pcm: bytes) -> None:
        """More audio (PCM16LE mono) is on its way."""
        self._kept += pcm
        self._end += len(pcm) // SAMPLE_BYTES
        del self._kept[: max(0, len(self._kept) - int(KEPT_S * self._rate_hz) * SAMPLE_BYTES)]

    def likeness(self, microphone: bytes, position: int) -> float:
        """How much the end of `microphone` (PCM16LE mono 16 kHz) is like what is heard around sample `position`: the
        best correlation over all delays, from -1 to 1; 0 when there is too little of either."""
        heard = features(to_float(microphone), HEARING_RATE_HZ)[-int(COMPARED_S / HOP_S) :]
        first = position - int((COMPARED_S + EARLIEST_S) * self._rate_hz)
        last = position + int(LATEST_S * self._rate_hz)
        kept_from = self._end - len(self._kept) // SAMPLE_BYTES
        span = self._kept[max(0, first - kept_from) * SAMPLE_BYTES : max(0, last - kept_from) * SAMPLE_BYTES]
        played = features(to_float(bytes(span)), self._rate_hz)
        if len(heard) < COMPARED_S / HOP_S or len(played) < len(heard):
            return 0.0
        windows = np.lib.stride_tricks.sliding_window_view(played, len(heard), axis=0).transpose(0, 2, 1)
        return float((_standardised(windows) * _standardised(heard[None])).mean(axis=(1, 2)).max())


def features(samples: NDArray[np.float32], rate_hz: int) -> Features:
    """Decibels of every band in every frame, `[frames, bands]`, none further than `RANGE_DB` below the loudest."""
    size, hop = int(FRAME_S * rate_hz), int(HOP_S * rate_hz)
    if len(samples) < size:
        return np.zeros((0, len(BAND_EDGES_HZ) - 1), np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(samples, size)[::hop] * np.hanning(size).astype(np.float32)
    power = np.square(np.abs(np.fft.rfft(frames, axis=1)))
    edges = (np.array(BAND_EDGES_HZ) * size / rate_hz).astype(int)
    bands = np.add.reduceat(power[:, : edges[-1]], edges[:-1], axis=1)
    decibels = 10 * np.log10(bands + 1e-12)
    return np.maximum(decibels, decibels.max() - RANGE_DB).astype(np.float32)


def _standardised(cells: Features) -> Features:
    """With mean 0 in every band, whatever the way from the loudspeaker does to it, and variance 1 in all."""
    centred = cells - cells.mean(axis=1, keepdims=True)
    spread = np.sqrt(np.square(centred).mean(axis=(1, 2), keepdims=True))
    return centred / np.maximum(spread, 1e-6)
