"""The sines and the noise that the vocoder makes speech from."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812

from boson_multimodal.model.step_audio2.hift import HiftConfig
from boson_multimodal.model.step_audio2.hift_source import HarmonicSource

FRAME = 480


def noise(seed: int = 0) -> torch.Generator:
    """A generator of its own."""
    return torch.Generator().manual_seed(seed)


def harmonic_source(harmonic: int) -> HarmonicSource:
    """A source of one harmonic only (0 is the fundamental), without noise in voiced frames."""
    source = HarmonicSource(HiftConfig(noise_std=0.0))
    with torch.no_grad():
        source.l_linear.weight.zero_()
        source.l_linear.weight[0, harmonic] = 1.0
        source.l_linear.bias.zero_()
    return source.requires_grad_(False)


@pytest.mark.parametrize("harmonic", [0, 3, 8])
def test_sines_follow_the_pitch(harmonic: int) -> None:
    """The phase is the published one: summed over frames, straight between their middles."""
    f0 = torch.tensor([[120.0, 130.0, 310.0, 90.0, 95.0]])
    found = harmonic_source(harmonic)(f0, noise()).samples[0, 0]
    middles = torch.cumsum(f0.double() * (harmonic + 1) / 24000 * FRAME, dim=1)
    phase = F.interpolate(middles[None], scale_factor=FRAME, mode="linear")[0, 0]
    expected = torch.tanh(0.1 * torch.sin(2 * torch.pi * phase))
    inner = slice(FRAME // 2, -FRAME // 2)
    np.testing.assert_allclose(found[inner].numpy(), expected[inner].numpy(), atol=2e-5)


def test_sines_never_stand_still() -> None:
    """A steady pitch is a steady sine from the first sample to the last."""
    samples = harmonic_source(0)(torch.full((1, 4), 250.0), noise()).samples[0, 0]
    period = 24000 // 250
    np.testing.assert_allclose(samples[period:].numpy(), samples[:-period].numpy(), atol=1e-5)


def test_frames_without_a_pitch_are_noise() -> None:
    """At 10 Hz and below there is noise of a third of the sines' loudness and no sine."""
    source = harmonic_source(0)
    samples = source(torch.tensor([[10.0] * 50]), noise()).samples[0, 0]
    assert samples.std() == pytest.approx(0.1 / 3, rel=0.05)
    assert source(torch.tensor([[10.1] * 50]), noise()).samples.std() > 0.06


def test_a_source_goes_on_where_it_was() -> None:
    """The cached part is kept to the sample, and the sines go on from its phase, so that nothing jumps."""
    source = harmonic_source(4)
    first = source(torch.full((1, 6), 213.0), noise())
    second = source(torch.full((1, 6), 213.0), noise(), first.last(2 * FRAME))
    whole = torch.cat((first.samples, second.samples[..., 2 * FRAME :]), dim=-1)
    assert torch.equal(second.samples[..., : 2 * FRAME], first.samples[..., -2 * FRAME :])
    steady = source(torch.full((1, 10), 213.0), noise()).samples
    np.testing.assert_allclose(whole.numpy(), steady.numpy(), atol=2e-4)


def test_long_phases_stay_exact() -> None:
    """After a minute the highest overtone is where it should be: sums are kept within one turn."""
    f0 = torch.full((1, 3000), 440.0)
    samples = harmonic_source(8)(f0, noise()).samples[0, 0, -FRAME:]
    index = torch.arange(3000 * FRAME - FRAME, 3000 * FRAME, dtype=torch.float64)
    phase = 9 * 440.0 * ((index + 0.5) / 24000 + 0.5 * FRAME / 24000)
    np.testing.assert_allclose(samples.numpy(), torch.tanh(0.1 * torch.sin(2 * torch.pi * phase)).numpy(), atol=1e-3)
