"""How the melody of a voice ends: a statement that is over falls, one that goes on stays up or rises.

After a sentence that could be all, that is the cue people go by (Gravano and Hirschberg, "Turn-taking cues in
task-oriented dialogue", 2011). Questions rise too, so whoever asks has to know that it is a statement, in a language
whose words have no tones of their own.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from backend.audio import to_float
from backend.pitch import RATE_HZ, pitch_hz

if TYPE_CHECKING:
    from backend.pitch import Floats

HEARD_MS = 640
"""How much of the end is looked at, the silence included."""

_STEP = 2.0
"""Semitones between frames of one tone; voices glide."""
_LAST, _BEFORE = slice(-3, None), slice(-12, -6)


def final_rise(pcm: bytes) -> float | None:
    """Semitones from 60 to 120 ms of voice before the end to the last 30 ms of it, in the last `HEARD_MS` of `pcm`
    (PCM16LE mono 16 kHz). Not a number where too little of it has a pitch to tell; `None` where nothing has."""
    semitones = _glides(pitch_hz(to_float(pcm)[-HEARD_MS * RATE_HZ // 1000 :]))
    if not len(semitones):
        return None
    if len(semitones) < -_BEFORE.start:
        return math.nan
    return float(semitones[_LAST].mean() - semitones[_BEFORE].mean())


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
