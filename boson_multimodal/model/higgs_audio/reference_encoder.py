"""The encoding half of the codec: recorded speech to frames of codes, for voices to be cloned."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import soxr
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn
from torch.nn.utils import parametrize
from transformers import HiggsAudioV2TokenizerConfig, HubertConfig, HubertModel
from transformers.models.dac.modeling_dac import DacEncoder

from boson_multimodal.model.higgs_audio.codec import ResidualQuantizer, acoustic_config
from boson_multimodal.model.higgs_audio.loading import load_codec_part

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

HUBERT_MARGIN = 160
"""Samples of silence on either side of what HuBERT hears: with them a frame of the codec is two of HuBERT's."""


class ResidualUnit(nn.Module):
    """`[B, channels, T]` -> the same shape."""

    def __init__(self, channels: int, kernel: int, dilation: int) -> None:
        super().__init__()
        padding = (kernel - 1) // 2 * dilation
        self.conv1 = nn.Conv1d(channels, channels, kernel, padding=padding, dilation=dilation, bias=False)
        self.conv2 = nn.Conv1d(channels, channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv2(F.elu(self.conv1(F.elu(x))))


class SemanticBlock(nn.Module):
    """Residual units and a convolution, `[B, channels, T]` -> `[B, out, T / stride]`."""

    def __init__(self, config: HiggsAudioV2TokenizerConfig, channels: int, out: int, stride: int) -> None:
        super().__init__()
        units = [ResidualUnit(channels, config.unit_kernel_size, dilation) for dilation in config.block_dilations]
        self.res_units = nn.Sequential(*units)
        kernel = 3 if stride == 1 else 2 * stride
        self.conv = nn.Conv1d(channels, out, kernel, stride=stride, padding=(kernel - 1) // 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(self.res_units(x))


class SemanticEncoder(nn.Module):
    """HuBERT's features `[B, hidden, T]` -> what is quantized of them, `[B, hidden, T]`."""

    def __init__(self, config: HiggsAudioV2TokenizerConfig) -> None:
        super().__init__()
        hidden, kernel = config.semantic_hidden_size, config.kernel_size
        self.conv = nn.Conv1d(hidden, hidden, kernel, padding=kernel // 2, bias=False)
        widths = [hidden, *(int(hidden * ratio) for ratio in config.channel_ratios)]
        shapes = zip(widths[:-1], widths[1:], config.strides, strict=True)
        self.conv_blocks = nn.Sequential(*(SemanticBlock(config, *shape) for shape in shapes))

    def forward(self, x: Tensor) -> Tensor:
        return self.conv_blocks(self.conv(x))


class ReferenceEncoder(nn.Module):
    """Encodes speech. Its parameters are named as in transformers' `HiggsAudioV2TokenizerModel`."""

    def __init__(self, config: HiggsAudioV2TokenizerConfig) -> None:
        super().__init__()
        self.acoustic_encoder = DacEncoder(acoustic_config(config))
        semantic = config.semantic_model_config
        assert isinstance(semantic, HubertConfig)
        self.semantic_model = HubertModel(semantic)
        parametrize.remove_parametrizations(self.semantic_model.encoder.pos_conv_embed.conv, "weight")
        self.encoder_semantic = SemanticEncoder(config)
        self.fc = nn.Linear(config.hidden_size, config.hidden_size)
        self.quantizer = ResidualQuantizer(config, encodes=True)
        self.sampling_rate: int = config.sample_rate
        self.samples_per_token: int = config.hop_length
        self._semantic_rate: int = config.semantic_sample_rate
        self._semantic_step: int = config.semantic_downsample_factor

    @classmethod
    def from_pretrained(cls, folder: Path, device: str | torch.device) -> ReferenceEncoder:
        """The encoder of a checkpoint's folder in either format, in fp32. Raises `CheckpointError`."""
        return load_codec_part(cls, folder, device)

    @torch.inference_mode()
    def encode(self, samples: NDArray[np.float32], sample_rate_hz: int) -> Tensor:
        """Mono samples -> codes `[C, T]` on the CPU, 25 frames for a second.

        Silence fills up the last frame, and the first second. Raises `ValueError` for what is no sound.
        """
        if samples.ndim != 1 or samples.size == 0:
            raise ValueError(f"a reference is mono samples, one at least, not the shape {samples.shape}")
        if not np.isfinite(samples).all():
            raise ValueError("a reference's samples are finite numbers; here are some that are not")
        if sample_rate_hz < 1:
            raise ValueError(f"a sample rate is a positive number of hertz, not {sample_rate_hz}")
        heard = soxr.resample(samples.astype(np.float32), sample_rate_hz, self.sampling_rate)
        frames = max(math.ceil(len(heard) / self.samples_per_token), self.sampling_rate // self.samples_per_token)
        heard = _of_length(heard, frames * self.samples_per_token)
        low = soxr.resample(heard, self.sampling_rate, self._semantic_rate)
        low = _of_length(low, len(heard) * self._semantic_rate // self.sampling_rate)

        device = self.fc.weight.device
        semantic = self._semantic(torch.from_numpy(low).to(device)[None])
        acoustic = self.acoustic_encoder(torch.from_numpy(heard).to(device)[None, None])
        hidden = self.fc(torch.cat((acoustic, semantic), dim=1).transpose(1, 2))
        return self.quantizer.encode(hidden)[0].cpu()

    def _semantic(self, samples: Tensor) -> Tensor:
        """`[B, samples]` at HuBERT's rate -> `[B, hidden, T]`: the mean of all its layers, at the codec's frames."""
        states = self.semantic_model(F.pad(samples, (HUBERT_MARGIN, HUBERT_MARGIN)), output_hidden_states=True)
        features = torch.stack(states.hidden_states).mean(dim=0)[:, :: self._semantic_step]
        return self.encoder_semantic(features.transpose(1, 2))


def _of_length(samples: NDArray[np.float32], length: int) -> NDArray[np.float32]:
    return np.pad(samples[:length], (0, max(0, length - len(samples))))
