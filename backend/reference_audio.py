"""A recording to imitate: cut to the voice in it, brought to one loudness, and measured. Pure: PCM in, PCM out.

How loud speech is means its mean power while somebody speaks, in decibels of full scale; pauses do not count.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from backend.audio import SAMPLE_BYTES, from_float, to_float

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.floating]

LEVEL_DB = -20.0
"""Peaks of speech stand 12 to 18 dB above its mean: louder, they would be cut off; quieter only brings noise nearer."""
PEAK_DB = -1.0
"""Highest peak that stays. Resampling and lossy codecs overshoot by less."""

SILENT_DB = -60.0
"""Nothing quieter is a voice."""
FAR_BELOW_DB, CLEARLY_BELOW_DB = 40.0, 20.0
"""What is so far below the loudest sound is silence in a quiet room; in a noisy one, what is near the noise and at
least clearly below."""
ABOVE_NOISE_DB = 6.0

_WINDOWS_PER_S = 100
_SUSTAINED = 5
"""Windows: what is shorter, such as a click, is no voice."""
_MARGIN = 10
"""Windows that stay before and after the voice, where consonants are soft."""
_LIMITER_MS = 5
_OVERSHOOTS, _NEARLY = 0.0005, 0.9
"""Share of samples that may stand out of a flat top; and how near to the top a sample is part of it."""


def trimmed(pcm: bytes, rate_hz: int) -> bytes:
    """`pcm` from 100 ms before the first voice to 100 ms after the last; empty when there is none."""
    starts = np.flatnonzero(_sustained(_loud(to_float(pcm), rate_hz)))
    if not len(starts):
        return b""
    window = SAMPLE_BYTES * (rate_hz // _WINDOWS_PER_S)
    return pcm[max(0, starts[0] - _MARGIN) * window : (starts[-1] + _SUSTAINED + _MARGIN) * window]


def speech_level_db(pcm: bytes, rate_hz: int) -> float:
    """How loud the speech in `pcm` is; -120 when there is none."""
    samples = to_float(pcm)
    loud = _loud(samples, rate_hz)
    return _decibels(_powers(samples, rate_hz)[loud].mean()) if loud.any() else -120.0


def levelled(pcm: bytes, rate_hz: int) -> bytes:
    """`pcm` with its speech at `LEVEL_DB`. The few peaks that would be above `PEAK_DB` are turned down for some
    milliseconds, so that a click does not keep a voice quiet. Silence stays as it is."""
    level_db = speech_level_db(pcm, rate_hz)
    if level_db <= SILENT_DB:
        return pcm
    samples = to_float(pcm)
    louder = (samples - samples.mean()) * np.float32(10 ** ((LEVEL_DB - level_db) / 20))
    return from_float(_limited(louder, 10 ** (PEAK_DB / 20), rate_hz).astype(np.float32))


def flat_share(pcm: bytes) -> float:
    """Share of the samples of `pcm` that are nearly as large as its largest: where a recorder was overdriven, the tops
    of the waves are flat. Below 0.002 for speech, 0.008 and more where it was cut off at half its peaks, also when it
    was turned down since or sent through a lossy codec, whose overshoots are left aside."""
    sizes = np.abs(to_float(pcm))
    if not sizes.any():
        return 0.0
    return float((sizes >= _NEARLY * np.quantile(sizes, 1 - _OVERSHOOTS)).mean())


def _powers(samples: Floats, rate_hz: int) -> Floats:
    """Mean power of every 10 ms, without any constant offset."""
    window = rate_hz // _WINDOWS_PER_S
    return np.pad(samples, (0, -len(samples) % window)).reshape(-1, window).var(axis=1, dtype=np.float64)


def _loud(samples: Floats, rate_hz: int) -> NDArray[np.bool_]:
    """Which windows of 10 ms are louder than the silence around the voice."""
    powers_db = 10 * np.log10(_powers(samples, rate_hz) + 1e-12)
    if len(powers_db) < _SUSTAINED:
        return np.zeros(len(powers_db), bool)
    loudest_db = sliding_window_view(powers_db, _SUSTAINED).min(axis=1).max()
    noise_db = np.percentile(powers_db, 10)
    silence_db = np.clip(noise_db + ABOVE_NOISE_DB, loudest_db - FAR_BELOW_DB, loudest_db - CLEARLY_BELOW_DB)
    return powers_db > max(silence_db, SILENT_DB)


def _sustained(loud: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Where `_SUSTAINED` loud windows in a row begin."""
    if len(loud) < _SUSTAINED:
        return np.zeros(0, bool)
    return np.logical_and.reduce(sliding_window_view(loud, _SUSTAINED), axis=1)


def _decibels(power: float) -> float:
    return float(10 * np.log10(power + 1e-12))


def _limited(samples: Floats, ceiling: float, rate_hz: int) -> Floats:
    """`samples` with no absolute value above `ceiling`, by a gain that is at its lowest around each peak and changes
    over `_LIMITER_MS`: the mean of minima, each over a stretch that holds the peak."""
    block, reach = rate_hz // 1000, _LIMITER_MS
    peaks = np.abs(np.pad(samples, (0, -len(samples) % block))).reshape(-1, block).max(axis=1)
    needed = np.minimum(1.0, ceiling / np.maximum(peaks, 1e-9))
    if not len(needed) or needed.min() == 1.0:
        return samples
    lowest = sliding_window_view(np.pad(needed, 2 * reach, constant_values=1.0), 2 * reach + 1).min(axis=1)
    gains: Floats = sliding_window_view(lowest, 2 * reach - 1).mean(
        axis=1
    )  # of the blocks from -1 to one after the last
    centres = (np.arange(len(gains)) - 0.5) * block
    return samples * np.interp(np.arange(len(samples)) + 0.5, centres, gains)
