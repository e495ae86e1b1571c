"""Conditional flow matching: from noise to a mel spectrogram along estimated velocities."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from boson_multimodal.model.step_audio2.dit import DiT, EstimatorCache

if TYPE_CHECKING:
    from collections.abc import Callable

    from boson_multimodal.model.step_audio2.config import SolverConfig


def join_conditions(mu: Tensor, speaker: Tensor, known: Tensor) -> Tensor:
    """The estimator's conditions side by side, in its order: `mu [B, T, C]`, the encoder's frames; `speaker [B, C]`,
    repeated; `known [B, T, C]`, the frames that are given, zero elsewhere. `[B, T, 3C]`."""
    return torch.cat((mu, speaker[:, None].expand_as(mu), known), dim=-1)


class FlowMatching(nn.Module):
    """Euler's method with classifier-free guidance (CosyVoice 2, https://arxiv.org/abs/2412.10117, section 2.4).

    Step i of n goes from `1 - cos(pi/2 * i/n)` to the same of i + 1. The velocity is `(1 + rate) * v - rate * v0`, with
    v0 estimated without conditions; both are estimated as one batch. Noise and result are float32 in any model.
    """

    def __init__(self, config: SolverConfig) -> None:
        super().__init__()
        self.estimator = DiT(config.estimator)
        self.rate = config.inference_cfg_rate
        steps = config.n_timesteps
        self.times = [1 - math.cos(math.pi / 2 * i / steps) for i in range(steps + 1)]

    def empty_caches(self) -> tuple[EstimatorCache, ...]:
        """One per step, for the first chunk of an utterance."""
        return (self.estimator.empty_cache(2),) * (len(self.times) - 1)

    def solve(self, noise: Tensor, conditions: Tensor, mask: Tensor | None = None) -> Tensor:
        """Whole utterances: `noise [B, T, C]`, `conditions [B, T, 3C]` -> spectrograms `[B, T, C]`.

        `mask [B, 1 or T, T]` is True where a frame may see another.
        """
        twice = None if mask is None else mask.repeat(2, 1, 1)
        return self._integrate(noise, conditions, lambda _, x, t: self.estimator(x, t, twice))

    def solve_chunk(
        self,
        noise: Tensor,
        conditions: Tensor,
        caches: tuple[EstimatorCache, ...],
        keep: tuple[int, int] | None = None,
    ) -> tuple[Tensor, tuple[EstimatorCache, ...]]:
        """The next frames of one utterance, and the caches for those after them. Shapes as of `solve`, B being 1.

        `keep` is how many of the first and of the last frames the new caches remember; None is all.
        """
        extended: list[EstimatorCache] = []

        def velocity(step: int, x: Tensor, t: Tensor) -> Tensor:
            estimated, cache = self.estimator.forward_chunk(x, t, caches[step])
            extended.append(cache if keep is None else cache.trimmed(*keep))
            return estimated

        return self._integrate(noise, conditions, velocity), tuple(extended)

    def _integrate(self, x: Tensor, conditions: Tensor, velocity: Callable[[int, Tensor, Tensor], Tensor]) -> Tensor:
        both = torch.cat((conditions, torch.zeros_like(conditions)))
        for step, (now, then) in enumerate(pairwise(self.times)):
            inputs = torch.cat((x.to(both.dtype).repeat(2, 1, 1), both), dim=-1)
            guided, unguided = velocity(step, inputs, x.new_full((len(inputs),), now)).float().chunk(2)
            x = x + (then - now) * ((1 + self.rate) * guided - self.rate * unguided)
        return x
