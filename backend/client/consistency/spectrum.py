"""Short-time spectra of speech, as speaker recognition takes them. Pure: samples in, features out."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

RATE_HZ = 16_000
HOP = RATE_HZ // 100
FRAME = RATE_HZ // 40
_FFT = 512
_PREEMPHASIS = 0.97
_QUIET_DB = 30.0
"""Frames so far below the loudest are pauses."""

Floats = NDArray[np.floating]


def log_mel(signal: Floats, bands: int, lowest_hz: float = 20.0, highest_hz: float = 7600.0) -> Floats:
    """Natural logarithm of the power in `bands` mel bands every 10 ms; shape [frames, bands], none for less than 25 ms.

    As Kaldi's `compute-fbank-feats` has it, with a Hamming window and without dither.
    """
    if len(signal) < FRAME:
        return np.zeros((0, bands))
    frames = sliding_window_view(signal.astype(np.float64), FRAME)[::HOP]
    frames = frames - frames.mean(axis=1, keepdims=True)
    before = np.concatenate((frames[:, :1], frames[:, :-1]), axis=1)
    spectrum = np.fft.rfft((frames - _PREEMPHASIS * before) * np.hamming(FRAME), _FFT)
    power = spectrum.real**2 + spectrum.imag**2
    return np.log(power @ _mel_filters(bands, lowest_hz, highest_hz) + 1e-10)


def cepstrum(logarithms: Floats, count: int) -> Floats:
    """The coefficients 1 to `count` of the cosine transform of each frame, which do not depend on loudness; shape
    [frames, count]."""
    bands = logarithms.shape[1]
    places = np.arange(bands, dtype=np.float64)[:, None] + 0.5
    angles = np.pi / bands * places * np.arange(1.0, count + 1.0)
    return logarithms @ np.cos(angles) * np.sqrt(2 / bands)


def spoken(logarithms: Floats) -> NDArray[np.bool_]:
    """Which frames of `log_mel` are no pauses."""
    loudness_db = 10 / np.log(10) * np.logaddexp.reduce(logarithms, axis=1)
    return loudness_db > loudness_db.max(initial=-np.inf) - _QUIET_DB


@lru_cache
def _mel_filters(bands: int, lowest_hz: float, highest_hz: float) -> Floats:
    """Triangles of equal width on the mel scale; shape [frequencies, bands]."""
    edges = np.linspace(_mel(lowest_hz), _mel(highest_hz), bands + 2)
    at = _mel(np.arange(_FFT // 2 + 1) * RATE_HZ / _FFT)[:, None]
    rising = (at - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - at) / (edges[2:] - edges[1:-1])
    return np.maximum(0.0, np.minimum(rising, falling))


def _mel(hz: float | Floats) -> Floats:
    return 1127.0 * np.log1p(np.asarray(hz) / 700.0)
