"""What HiFT's voice is made from: the pitch of every mel frame, and nine sines at it and its overtones."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

if TYPE_CHECKING:
    from boson_multimodal.model.step_audio2.hift import HiftConfig


class Source(NamedTuple):
    """The excitation of a stretch of speech, and where its sines stand at its end."""

    samples: Tensor
    """`[1, 1, S]`, within (-1, 1)."""

    phase: Tensor
    """`[1, harmonics + 1]`: the phases at the last sample, in cycles, within [0, 1)."""

    def last(self, samples: int) -> Source:
        """The newest `samples` of it, or all when it is shorter."""
        return Source(self.samples[..., -samples:].clone(), self.phase)


class F0Predictor(nn.Module):
    """The pitch of every frame, in Hz: five convolutions over the mel, and a line."""

    def __init__(self, config: HiftConfig) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for index in range(5):
            wide = config.f0_channels if index else config.mel_bins
            layers += [weight_norm(nn.Conv1d(wide, config.f0_channels, 3, padding=1)), nn.ELU()]
        self.condnet = nn.Sequential(*layers)
        self.classifier = nn.Linear(config.f0_channels, 1)

    def forward(self, mel: Tensor) -> Tensor:
        """Mel `[B, 80, L]` -> pitch `[B, L]`, at least 0."""
        return self.classifier(self.condnet(mel).transpose(1, 2)).squeeze(-1).abs()


class HarmonicSource(nn.Module):
    """Sines at the pitch and its overtones where there is one, noise where there is none, merged into one signal."""

    def __init__(self, config: HiftConfig) -> None:
        super().__init__()
        self.config = config
        self.l_linear = nn.Linear(config.harmonics + 1, 1)

    def forward(self, f0: Tensor, generator: torch.Generator, cached: Source | None = None) -> Source:
        """The source `[1, 1, L * samples_per_frame]` for the pitches `f0 [1, L]`.

        `cached` is the end of what was made before for the first of these frames: it stands in their place, and the
        sines go on from its phases. Noise is drawn from `generator` on the generator's device, so that it is the same
        wherever the model runs.
        """
        config = self.config
        cycles = self._cycles(f0)
        kept = 0 if cached is None else cached.samples.shape[-1]
        if cached is not None:
            cycles = cycles + (cached.phase - cycles[..., kept - 1])[..., None]
        voiced = (
            (f0 > config.voiced_threshold).to(f0.dtype).repeat_interleave(config.samples_per_frame, dim=-1)[:, None]
        )
        loudness = voiced * config.noise_std + (1 - voiced) * config.sine_amplitude / 3
        noise = torch.randn(cycles.shape, generator=generator, device=generator.device).to(f0)
        sines = config.sine_amplitude * torch.sin(2 * math.pi * cycles.remainder(1)) * voiced + loudness * noise
        samples = torch.tanh(self.l_linear(sines.transpose(1, 2))).transpose(1, 2)
        if cached is not None:
            samples = torch.cat((cached.samples, samples[..., kept:]), dim=-1)
        return Source(samples, cycles[..., -1].remainder(1))

    def _cycles(self, f0: Tensor) -> Tensor:
        """Phases `[1, harmonics + 1, L * samples_per_frame]` in cycles.

        As in the model's training, the phase at the middle of a frame is the sum of what all frames until then
        advance it by, and runs in a straight line from one middle to the next; all sines begin in phase. (The random
        phase which the original adds to the first sample is passed over by its interpolation between the two samples
        in the middle of a frame.) Beyond the first and the last middle the line goes on: held there, as the original
        does it, the sines would stand still for 10 ms at each end of a chunk.
        """
        config = self.config
        hop = config.samples_per_frame
        # In double precision, in which a long sum of frames is exact, and which not every device has.
        harmonics = torch.arange(1, config.harmonics + 2, dtype=torch.float64)
        advance = (f0.cpu()[:, None] * harmonics[:, None] / config.sample_rate).remainder(1) * hop
        middle = advance.cumsum(dim=-1).remainder(1).to(f0)
        advance = advance.to(f0)
        following = torch.cat((advance[..., 1:], advance[..., -1:]), dim=-1)
        place = (torch.arange(hop, device=f0.device, dtype=f0.dtype) + 0.5) / hop - 0.5
        slope = torch.where(place < 0, advance[..., None], following[..., None])
        return (middle[..., None] + place * slope).flatten(-2)
