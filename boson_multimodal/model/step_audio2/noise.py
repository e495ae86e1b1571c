"""Random numbers by a seed: any whole number is one."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def seeded(seed: int) -> torch.Generator:
    """A generator on the CPU. Seeds that are equal modulo 2^32, which is all that its Mersenne twister takes of them,
    give the same numbers."""
    return torch.Generator().manual_seed(seed % 2**32)


class Noise:
    """Standard normal noise for one utterance, the same frames however many are taken at a time."""

    BLOCK = 16

    def __init__(self, seed: int, channels: int) -> None:
        self._generator = seeded(seed)
        self._left = torch.empty(0, channels)

    def take(self, frames: int) -> Tensor:
        """The next frames, `[frames, channels]` in float32 on the CPU."""
        drawn = [self._left]
        # Values depend on the size of the draw they are in, so that all draws have the same.
        for _ in range(math.ceil((frames - len(self._left)) / self.BLOCK)):
            drawn.append(torch.randn(self.BLOCK, self._left.shape[1], generator=self._generator))
        noise = torch.cat(drawn)
        self._left = noise[frames:]
        return noise[:frames]
