"""The acoustics of the evaluation: levels, edges of speech, noise of a room, echo. PCM is PCM16LE mono 16 kHz.

Levels are relative: a voice has the root mean square `SPEECH_RMS` of full scale, everything else is so many dB from it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from backend.audio import from_float, to_float
from backend.client.microphone import RATE_HZ

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Samples = NDArray[np.float32]

SPEECH_RMS = 0.05
"""-26 dB of full scale, as of a person at arm's length."""

ROOM_RMS = 3e-4
"""A quiet room, -70 dB of full scale."""

EDGE = 0.006
"""Speech reaches from the first to the last sample above this; -44 dB of full scale, 18 dB below the voice."""

_WINDOW = RATE_HZ // 100
_COLOUR = np.array([0.18, 0.44, 0.88], np.float32)
"""Taps of unit energy that take the edge off white noise: 8 dB less at 8 kHz than at 0."""


def gain(decibels: float) -> float:
    """Factor of an amplitude."""
    return 10 ** (decibels / 20)


def active_rms(samples: Samples) -> float:
    """Root mean square of the windows of 10 ms that are not quiet; 0 when all are."""
    whole = samples[: samples.size // _WINDOW * _WINDOW].reshape(-1, _WINDOW)
    power = np.square(whole).mean(axis=1)
    loud = power[power > 1e-3 * power.max(initial=0.0)]
    return float(np.sqrt(loud.mean())) if loud.size else 0.0


def voiced(pcm: bytes) -> bytes:
    """`pcm` at `SPEECH_RMS`, from its first to its last sample above `EDGE`. Raises `ValueError` for silence."""
    samples = to_float(pcm)
    level = active_rms(samples)
    if not level:
        raise ValueError("nothing was spoken")
    samples = samples * np.float32(SPEECH_RMS / level)
    sounding = np.flatnonzero(np.abs(samples) > EDGE)
    return from_float(samples[sounding[0] : sounding[-1] + 1])


def silence(samples: int) -> bytes:
    """Nothing, for so many samples."""
    return from_float(np.zeros(samples, np.float32))


def room_noise(rng: np.random.Generator, rms: float, samples: int) -> Samples:
    """White noise with its highest frequencies dampened."""
    white = rng.normal(0, rms, samples + _COLOUR.size - 1).astype(np.float32)
    return np.convolve(white, _COLOUR, "valid")


class Echo:
    """What comes back from a loudspeaker into a microphone: as loud as `factor`, `delay` samples later."""

    def __init__(self, factor: float, delay: int) -> None:
        self._factor = np.float32(factor)
        self._underway = np.zeros(delay, np.float32)

    def of(self, played: Samples) -> Samples:
        """What is recorded while `played` is; of the same length."""
        underway = np.concatenate((self._underway, played * self._factor))
        self._underway = underway[played.size :]
        return underway[: played.size]


class Background:
    """Sound that goes on and on, from its beginning again where it ends."""

    def __init__(self, pcm: bytes) -> None:
        self._samples = to_float(pcm)
        self._at = 0

    def next(self, count: int) -> Samples:
        """The next `count` samples; silence when there is no sound."""
        if not self._samples.size:
            return np.zeros(count, np.float32)
        places = np.arange(self._at, self._at + count) % self._samples.size
        self._at += count
        return self._samples[places]
