"""HiFT, the vocoder of Step-Audio 2: mel frames to 24 kHz sound, 20 ms a frame.

A source of sines and noise is shaped by convolutions into a short-time spectrum, which is inverted. Parameters are
named as in the published `hift.pt`. The kind of network: Li et al., "HiFTNet" (arXiv 2309.09493).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm
from torch.nn.utils.parametrize import is_parametrized, remove_parametrizations

from boson_multimodal.audio_tokens import SPEECH_RATE_HZ
from boson_multimodal.model.step_audio2.hift_source import F0Predictor, HarmonicSource, Source


@dataclass(frozen=True, slots=True)
class HiftConfig:
    """The published network's sizes."""

    mel_bins: int = 80
    base_channels: int = 512
    f0_channels: int = 512
    sample_rate: int = SPEECH_RATE_HZ
    harmonics: int = 8
    sine_amplitude: float = 0.1
    noise_std: float = 0.003
    voiced_threshold: float = 10.0
    upsample_rates: tuple[int, ...] = (8, 5, 3)
    upsample_kernels: tuple[int, ...] = (16, 11, 7)
    resblock_kernels: tuple[int, ...] = (3, 7, 11)
    source_kernels: tuple[int, ...] = (7, 7, 11)
    dilations: tuple[int, ...] = (1, 3, 5)
    n_fft: int = 16
    hop: int = 4
    max_magnitude: float = 100.0
    peak: float = 0.99

    @property
    def samples_per_frame(self) -> int:
        """Samples that one mel frame becomes."""
        return math.prod(self.upsample_rates) * self.hop


class Snake(nn.Module):
    """x + sin²(ax) / a for each channel (Ziyin et al., arXiv 2006.08195)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.ones(channels))

    def forward(self, x: Tensor) -> Tensor:
        """`[B, channels, T]` -> the same."""
        alpha = self.alpha[:, None]
        return x + torch.sin(x * alpha).square() / (alpha + 1e-9)


class ResBlock(nn.Module):
    """For each dilation: Snake, dilated convolution, Snake, convolution, added to what came in."""

    def __init__(self, channels: int, kernel: int, dilations: tuple[int, ...]) -> None:
        super().__init__()
        self.convs1 = nn.ModuleList(_same_conv(channels, kernel, dilation) for dilation in dilations)
        self.convs2 = nn.ModuleList(_same_conv(channels, kernel, 1) for _ in dilations)
        self.activations1 = nn.ModuleList(Snake(channels) for _ in dilations)
        self.activations2 = nn.ModuleList(Snake(channels) for _ in dilations)

    def forward(self, x: Tensor) -> Tensor:
        """`[B, channels, T]` -> the same."""
        for snake1, conv1, snake2, conv2 in zip(
            self.activations1, self.convs1, self.activations2, self.convs2, strict=True
        ):
            x = x + conv2(snake2(conv1(snake1(x))))
        return x


class Hift(nn.Module):
    """The vocoder. For one recording at a time."""

    def __init__(self, config: HiftConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or HiftConfig()
        bins = config.n_fft + 2
        widths = [config.base_channels >> stage for stage in range(len(config.upsample_rates) + 1)]
        self.f0_predictor = F0Predictor(config)
        self.m_source = HarmonicSource(config)
        self.conv_pre = weight_norm(nn.Conv1d(config.mel_bins, widths[0], 7, padding=3))
        self.ups = nn.ModuleList()
        self.source_downs = nn.ModuleList()
        self.source_resblocks = nn.ModuleList()
        self.resblocks = nn.ModuleList()
        sizes = zip(config.upsample_rates, config.upsample_kernels, config.source_kernels, strict=True)
        for stage, (rate, kernel, source_kernel) in enumerate(sizes):
            width = widths[stage + 1]
            up = nn.ConvTranspose1d(widths[stage], width, kernel, rate, padding=(kernel - rate) // 2)
            self.ups.append(weight_norm(up))
            # From the rate of the spectrum down to that of this stage.
            down = math.prod(config.upsample_rates[stage + 1 :])
            size = 2 * down if down > 1 else 1
            self.source_downs.append(nn.Conv1d(bins, width, size, down, padding=down // 2))
            self.source_resblocks.append(ResBlock(width, source_kernel, config.dilations))
            self.resblocks.extend(ResBlock(width, size, config.dilations) for size in config.resblock_kernels)
        self.conv_post = weight_norm(nn.Conv1d(widths[-1], bins, 7, padding=3))
        self.window = nn.Buffer(torch.hann_window(config.n_fft), persistent=False)

    @torch.inference_mode()
    def forward(
        self, mel: Tensor, generator: torch.Generator, cached_source: Source | None = None
    ) -> tuple[Tensor, Source]:
        """Mel `[1, 80, L]` -> samples `[1, L * 480]` within ±0.99, and the source they were made from.

        `generator` gives the source's noise. `cached_source` is the source that was made for the first of these
        frames before, if they had been: see `HarmonicSource`. Raises `ValueError` for another shape.
        """
        if mel.ndim != 3 or mel.shape[:2] != (1, self.config.mel_bins) or mel.shape[2] < 1:
            raise ValueError(f"mel frames are [1, {self.config.mel_bins}, L] with an L of 1 or more, not {mel.shape}")
        mel = mel.to(self.window)
        # cuDNN's default for convolutions is TF32, whose mantissa of 10 bits is too coarse for a waveform's phase.
        with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
            source = self.m_source(self.f0_predictor(mel), generator, cached_source)
            return self.decode(mel, source.samples), source

    def decode(self, mel: Tensor, source: Tensor) -> Tensor:
        """Mel `[1, 80, L]` and source `[1, 1, L * 480]` -> samples `[1, L * 480]`."""
        config = self.config
        spectrum = torch.stft(source[:, 0], config.n_fft, config.hop, window=self.window, return_complex=True)
        parts = torch.cat((spectrum.real, spectrum.imag), dim=1)
        x = self.conv_pre(mel)
        kinds = len(config.resblock_kernels)
        for stage, up in enumerate(self.ups):
            x = up(F.leaky_relu(x, 0.1))
            if stage == len(self.ups) - 1:
                # The spectrum has one frame more than the samples have hops.
                x = F.pad(x, (1, 0), mode="reflect")
            x = x + self.source_resblocks[stage](self.source_downs[stage](parts))
            blocks = self.resblocks[stage * kinds : (stage + 1) * kinds]
            x = torch.stack([block(x) for block in blocks]).mean(dim=0)
        magnitude, phase = self.conv_post(F.leaky_relu(x, 0.01)).split(config.n_fft // 2 + 1, dim=1)
        magnitude = magnitude.exp().clamp(max=config.max_magnitude)
        wave = torch.istft(torch.polar(magnitude, phase.sin()), config.n_fft, config.hop, window=self.window)
        return wave.clamp(-config.peak, config.peak)

    def fold_weight_norm(self) -> Hift:
        """Replace every normalised weight by its value, which is then not computed at each call."""
        for module in list(self.modules()):
            if is_parametrized(module):
                remove_parametrizations(module, "weight")
        return self


def _same_conv(channels: int, kernel: int, dilation: int) -> nn.Module:
    padding = (kernel - 1) * dilation // 2
    return weight_norm(nn.Conv1d(channels, channels, kernel, padding=padding, dilation=dilation))
