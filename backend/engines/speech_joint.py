"""Several takes of one text as one speech: where a take breaks off, the next one goes on.

A further take begins at the beginning, and what has been passed on of it is skipped. Is it the same speech, sample for
sample, nobody can hear that; is it another one, it goes on from a quiet place shortly before, or, where there is none,
from the same sample, faded over.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from backend.audio import SAMPLE_BYTES, sample_count, to_float

if TYPE_CHECKING:
    from numpy.typing import NDArray

FADE_S = 0.01
"""Kept back until it is known what follows, so that there is something to fade out."""
COMPARED_S = 0.1
"""How much of two takes is compared to tell whether they are the same speech."""
ALIKE = 0.9
"""Correlation from which they are."""
LOOKED_BACK_S = 0.4
"""How far before the break a quiet place is looked for: about a word, which is then heard again."""
QUIET = 0.25
"""Loudness of a quiet place relative to what is around it: 12 dB less."""
SILENT = 1e-3
"""Loudness, relative to full scale, from which there is anything to compare."""


class SpeechJoint:
    """What is heard of takes that are fed in pieces of PCM, one take after another.

    With `joins` false there is only one take, and it passes through untouched.
    """

    def __init__(self, rate_hz: int, *, joins: bool) -> None:
        self._fade = int(FADE_S * rate_hz) if joins else 0
        self._compared = int(COMPARED_S * rate_hz) if joins else 0
        self._looked_back = int(LOOKED_BACK_S * rate_hz)
        self._recent = b""
        """The end of what was accepted."""
        self._held = b""
        """The end of `_recent`, not yet passed on."""
        self._behind: bytearray | None = None
        """A further take, while it has not come to where the last one broke off."""
        self.position = 0
        """Samples of the current take that the speech has come to: where in the text that is."""
        self.passed = 0
        """Samples passed on."""
        self.taken = 0
        """Samples of the current take."""

    def next_take(self) -> None:
        """What is fed from now on is the text from its beginning."""
        self._behind = bytearray() if self.position else None
        self.taken = 0

    def feed(self, pcm: bytes) -> bytes:
        """What can be heard of it now; may be empty."""
        self.taken += sample_count(pcm)
        if self._behind is not None:
            self._behind += pcm
            if len(self._behind) < self.position * SAMPLE_BYTES:
                return b""
            take = bytes(self._behind)
            pcm, self.position = self._joined(take), sample_count(take)
        else:
            self.position += sample_count(pcm)
        self._recent = (self._recent + pcm)[-self._compared * SAMPLE_BYTES :] if self._compared else b""
        speech = self._held + pcm
        certain = max(0, len(speech) - self._fade * SAMPLE_BYTES)
        self._held = speech[certain:]
        return self._passed(speech[:certain])

    def finish(self) -> bytes:
        """The rest, when the take is complete. One that is shorter than what was heard before has nothing to add."""
        return self.break_off() if self._behind is not None else self._passed(self._let_go())

    def break_off(self) -> bytes:
        """The rest, faded out: something else follows."""
        held = to_float(self._let_go())
        return self._passed(_pcm(held * _rising(len(held))[::-1]))

    def _let_go(self) -> bytes:
        held, self._held, self._behind = self._held, b"", None
        return held

    def _passed(self, pcm: bytes) -> bytes:
        self.passed += sample_count(pcm)
        return pcm

    def _joined(self, take: bytes) -> bytes:
        """`take` from where it goes on, faded over what is held, which it replaces."""
        repeated, heard = to_float(take)[: self.position], to_float(self._recent)
        held = to_float(self._let_go())
        start = len(repeated) - len(held)
        if not _alike(heard, repeated[len(repeated) - len(heard) :]):
            start = self._quiet_place(repeated, start)
        rising = _rising(len(held))
        over = held * rising[::-1] + repeated[start : start + len(held)] * rising
        self._recent = b""
        return _pcm(over) + take[(start + len(held)) * SAMPLE_BYTES :]

    def _quiet_place(self, take: NDArray[np.float32], otherwise: int) -> int:
        """The sample from which the last quiet stretch at the end of `take` begins."""
        window = 2 * self._fade
        first = max(0, len(take) - self._looked_back)
        around = _loudness(take[first:])
        for start in range(len(take) - window, first - 1, -self._fade):
            if _loudness(take[start : start + window]) <= max(QUIET * around, SILENT):
                return start
        return otherwise


def _alike(one: NDArray[np.float32], other: NDArray[np.float32]) -> bool:
    """Whether they are the same sound, or both are none."""
    loudness = _loudness(one), _loudness(other)
    if min(loudness) < SILENT:
        return max(loudness) < SILENT
    return float(np.dot(one, other)) / len(one) >= ALIKE * loudness[0] * loudness[1]


def _loudness(samples: NDArray[np.float32]) -> float:
    """Root mean square."""
    return math.sqrt(float(np.dot(samples, samples)) / max(1, len(samples)))


def _rising(samples: int) -> NDArray[np.float32]:
    """Weights from 0 to 1; with themselves backwards they sum to 1."""
    return ((np.arange(samples) + 0.5) / max(1, samples)).astype(np.float32)


def _pcm(samples: NDArray[np.floating]) -> bytes:
    """The inverse of `to_float`: what was PCM becomes the same PCM again."""
    return np.clip(np.rint(samples * 32768.0), -32768, 32767).astype("<i2").tobytes()
