"""How the melody of a voice ends: a statement that is over falls, one that goes on stays up or rises.

After a sentence that could be all, that is the cue people go by (Gravano and Hirschberg, "Turn-taking cues in
task-oriented dialogue", 2011). Questions rise too, so whoever asks has to know that it is a statement, in a language
whose words have no tones of their own.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from backend.audio import to_float

RATE_HZ = 16_000
HEARD_MS = 640
"""How much of the end is looked at, the silence included."""

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
_STEP = 2.0
"""Semitones between frames of one tone; voices glide."""
_LAST, _BEFORE = slice(-3, None), slice(-12, -6)

Floats = NDArray[np.floating]


def final_rise(pcm: bytes) -> float | None:
    """Semitones from 60 to 120 ms of voice before the end to the last 30 ms of it, in the last `HEARD_MS` of `pcm`
    (PCM16LE mono 16 kHz). `None` where too little of it has a pitch."""
    semitones = _glides(_pitch(to_float(pcm)[-HEARD_MS * RATE_HZ // 1000 :]))
    if len(semitones) < -_BEFORE.start:
        return None
    return float(semitones[_LAST].mean() - semitones[_BEFORE].mean())


def _pitch(signal: Floats) -> Floats:
    """Hertz every 10 ms, 0 where there is none, by normalised autocorrelation."""
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


def _glides(pitch: Floats) -> Floats:
    """The frames of `pitch` that are part of a glide of three or more, in semitones above 1 Hz: a pitch found in a
    single frame, where the voice breaks off, is none."""
    if not len(pitch):
        return pitch
    semitones = 12 * np.log2(np.maximum(pitch, 1.0))
    near = (np.abs(np.diff(semitones)) < _STEP) & (pitch[1:] > 0) & (pitch[:-1] > 0)
    after, before = np.append(near, False), np.insert(near, 0, False)
    middle = after & before
    kept = middle | np.append(middle[1:], False) | np.insert(middle[:-1], 0, False)
    return semitones[kept]
