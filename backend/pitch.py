"""How high a voice speaks, from moment to moment. Pure: samples in, hertz out."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

RATE_HZ = 16_000
HIGHEST_HZ, LOWEST_HZ = 400, 55
_HOP, _FRAME = RATE_HZ // 100, RATE_HZ // 25
_SHORTEST, _LONGEST = RATE_HZ // HIGHEST_HZ, RATE_HZ // LOWEST_HZ
_FFT = 1024
_PERIODIC = 0.6
"""Least correlation of a voiced frame with itself one period later."""
_FUNDAMENTAL = 0.9
"""The first peak with this share of the highest is the period: its multiples correlate as well."""
_QUIET_DB = -15.0
"""Below the loudest frame; what is quieter is the room."""

Floats = NDArray[np.floating]


def pitch_hz(signal: Floats) -> Floats:
    """Hertz every 10 ms of `signal` at `RATE_HZ`, 0 where there is none, by normalised autocorrelation."""
    padded = np.concatenate((signal, np.zeros(_LONGEST, signal.dtype)))
    if len(padded) < _FRAME + _LONGEST:
        return np.zeros(0)
    spans = sliding_window_view(padded, _FRAME + _LONGEST)[::_HOP]
    frames = spans[:, :_FRAME]
    products = np.fft.irfft(np.fft.rfft(spans, _FFT) * np.fft.rfft(frames, _FFT).conj(), _FFT)
    energy = np.pad(np.cumsum(spans.astype(np.float64) ** 2, axis=1), ((0, 0), (1, 0)))
    lags = np.arange(_SHORTEST, _LONGEST)
    later = energy[:, lags + _FRAME] - energy[:, lags]
    own = energy[:, _FRAME]
    alike = products[:, lags] / np.sqrt(own[:, None] * later + 1e-9)
    best = alike.max(axis=1)
    peaks = np.zeros(alike.shape, bool)
    inner = alike[:, 1:-1]
    peaks[:, 1:-1] = (inner > alike[:, :-2]) & (inner >= alike[:, 2:]) & (inner >= _FUNDAMENTAL * best[:, None])
    is_voiced = peaks.any(axis=1) & (best > _PERIODIC) & (own > own.max() * 10 ** (_QUIET_DB / 10))
    return np.where(is_voiced, RATE_HZ / lags[peaks.argmax(axis=1)], 0.0)
