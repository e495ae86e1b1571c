"""Telephone audio: G.711 mu-law and A-law, one byte a sample, to and from PCM16.

ITU-T recommendation G.711 (11/88), in its usual 14- and 13-bit form scaled to 16 bits.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Law = Literal["mu", "a"]
RATE_HZ = 8000

_MU_BIAS = 0x84


def decoded(data: bytes, law: Law) -> bytes:
    """Codes -> PCM16."""
    return _levels(law)[np.frombuffer(data, np.uint8)].astype("<i2").tobytes()


def encoded(pcm: bytes, law: Law) -> bytes:
    """PCM16 -> codes, each sample's nearest level, of two the higher: silence is 0xFF and 0xD5."""
    return _codes(law)[np.frombuffer(pcm, "<i2").astype(np.int32) + 32768].tobytes()


@cache
def _levels(law: Law) -> NDArray[np.int32]:
    """The sample that each of the 256 codes stands for."""
    code = np.arange(256)
    if law == "mu":
        inverted = ~code & 0xFF
        magnitude = ((((inverted & 0x0F) << 3) + _MU_BIAS) << ((inverted & 0x70) >> 4)) - _MU_BIAS
        return np.where(inverted & 0x80, -magnitude, magnitude).astype(np.int32)
    toggled = code ^ 0x55
    segment, step = (toggled & 0x70) >> 4, (toggled & 0x0F) << 4
    magnitude = np.where(segment == 0, step + 8, (step + 0x108) << np.maximum(segment - 1, 0))
    return np.where(toggled & 0x80, magnitude, -magnitude).astype(np.int32)


@cache
def _codes(law: Law) -> NDArray[np.uint8]:
    """The code of each of the 65,536 samples, the lowest sample first."""
    levels = _levels(law)
    order = np.argsort(levels, kind="stable")
    ascending = levels[order]
    edges = (ascending[1:] + ascending[:-1]) / 2
    return order[np.searchsorted(edges, np.arange(-32768, 32768), side="right")].astype(np.uint8)
