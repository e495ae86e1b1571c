"""Noise by a seed."""

from __future__ import annotations

import pytest
import torch

from boson_multimodal.model.step_audio2.noise import Noise


def test_noise_is_the_same_in_any_portions() -> None:
    """What a frame begins with depends on the seed and on its place only."""
    for channels in (80, 3):
        for portions in ([50], [1] * 50, [16, 16, 18], [0, 3, 0, 40, 7], [17, 33]):
            noise = Noise(7, channels)
            assert torch.equal(torch.cat([noise.take(size) for size in portions]), Noise(7, channels).take(50))


def test_noise_is_standard_normal() -> None:
    """Its mean is 0 and its variance 1, for every frame and channel anew."""
    noise = Noise(1, 80).take(1000)
    assert abs(float(noise.mean())) < 0.02
    assert abs(float(noise.std()) - 1) < 0.02
    assert len(noise.unique(dim=0)) == 1000
    assert not torch.equal(noise, Noise(2, 80).take(1000))


@pytest.mark.parametrize("seed", [-1, -(2**63) - 1, 2**63 + 1, 2**64 - 1, 2**64 + 5, 1 - 10**40, 10**40 + 1])
def test_any_whole_number_is_a_seed(seed: int) -> None:
    """A client's seed is never an error from inside torch, and is the same noise each time, not that of the default."""
    noise = Noise(seed, 80).take(20)
    assert torch.equal(noise, Noise(seed, 80).take(20))
    assert not torch.equal(noise, Noise(0, 80).take(20))
