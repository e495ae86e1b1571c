"""The decoding half of the codec: frames of codes to 24 kHz sound, 40 ms a frame."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn
from transformers import DacConfig, HiggsAudioV2TokenizerConfig
from transformers.models.dac.modeling_dac import DacDecoder

from boson_multimodal.model.higgs_audio.loading import load_codec_part

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

RECEPTIVE_FRAMES = 10
"""How many frames before and after a frame its sound depends on, for the ratios 8, 5, 4, 2, 3.

The samples or positions that one frame is made of, relative to its own first one, backwards through the decoder:
960 samples [0, 959]; last convolution [-3, 962]; upsampling by 3 [-15, 334], by 2 [-28, 187], by 4 [-18, 57], by 5
[-12, 19], by 8 [-7, 7]; first convolution [-10, 10]. Frames cut with so many on either side, or to the end of the
utterance, decode to the samples of the whole.
"""


def receptive_frames(ratios: Sequence[int]) -> int:
    """How many frames to either side a frame of a decoder with these upsampling `ratios` depends on."""
    first, last = -3, math.prod(ratios) - 1 + 3
    for stride in reversed(ratios):
        # Three residual units with kernels of 7, dilated by 1, 3 and 9.
        reach = 3 * (1 + 3 + 9)
        # A transposed convolution: position i goes to i * stride - padding + 0 .. 2 * stride - 1.
        padding = math.ceil(stride / 2)
        first = math.ceil((first - reach + padding - (2 * stride - 1)) / stride)
        last = (last + reach + padding) // stride
    return max(-first + 3, last + 3)


def acoustic_config(config: HiggsAudioV2TokenizerConfig) -> DacConfig:
    """The part of the configuration that is the acoustic encoder's and decoder's."""
    acoustic = config.acoustic_model_config
    assert isinstance(acoustic, DacConfig)
    return acoustic


class Codebook(nn.Module):
    """The entries of one quantizer, `embed [codebook_size, codebook_dim]`."""

    def __init__(self, size: int, dim: int) -> None:
        super().__init__()
        self.embed = nn.Buffer(torch.zeros(size, dim))


class Quantizer(nn.Module):
    """One stage of residual quantization. One that only decodes has no `project_in`."""

    def __init__(self, config: HiggsAudioV2TokenizerConfig, *, encodes: bool) -> None:
        super().__init__()
        self.codebook = Codebook(config.codebook_size, config.codebook_dim)
        self.project_in = nn.Linear(config.hidden_size, config.codebook_dim) if encodes else None
        self.project_out = nn.Linear(config.codebook_dim, config.hidden_size)

    def encode(self, hidden: Tensor) -> Tensor:
        """The nearest entries: `hidden [B, T, hidden]` -> codes `[B, T]`."""
        assert self.project_in is not None
        projected = self.project_in(hidden)
        entries = self.codebook.embed
        distance = entries.square().sum(-1) - 2 * projected @ entries.T
        return distance.argmin(dim=-1)

    def decode(self, codes: Tensor) -> Tensor:
        """Codes `[B, T]` -> `[B, T, hidden]`."""
        return self.project_out(F.embedding(codes, self.codebook.embed))


class ResidualQuantizer(nn.Module):
    """The stages, each of which quantizes what the ones before it left over."""

    def __init__(self, config: HiggsAudioV2TokenizerConfig, *, encodes: bool) -> None:
        super().__init__()
        self.stages = [Quantizer(config, encodes=encodes) for _ in range(config.num_quantizers)]
        self.quantizers = nn.ModuleList(self.stages)

    def encode(self, hidden: Tensor) -> Tensor:
        """`hidden [B, T, hidden]` -> codes `[B, C, T]`."""
        codes: list[Tensor] = []
        for stage in self.stages:
            codes.append(stage.encode(hidden))
            hidden = hidden - stage.decode(codes[-1])
        return torch.stack(codes, dim=1)

    def decode(self, codes: Tensor) -> Tensor:
        """Codes `[B, C, T]` -> `[B, T, hidden]`."""
        parts = [stage.decode(codes[:, k]) for k, stage in enumerate(self.stages)]
        return torch.stack(parts).sum(dim=0)


class HiggsCodec(nn.Module):
    """Decodes frames of codes. Its parameters are named as in transformers' `HiggsAudioV2TokenizerModel`."""

    def __init__(self, config: HiggsAudioV2TokenizerConfig) -> None:
        super().__init__()
        acoustic = acoustic_config(config)
        self.quantizer = ResidualQuantizer(config, encodes=False)
        self.fc2 = nn.Linear(config.hidden_size, acoustic.hidden_size)
        self.acoustic_decoder = DacDecoder(acoustic)
        for module in self.acoustic_decoder.modules():
            if isinstance(module, nn.ConvTranspose1d):
                module.output_padding = (module.stride[0] % 2,)
        self.acoustic_decoder.add_module("tanh", nn.Identity())
        self.sampling_rate: int = config.sample_rate
        self.samples_per_token: int = math.prod(acoustic.upsampling_ratios)
        self.tps: int = self.sampling_rate // self.samples_per_token
        self.codebook_size: int = config.codebook_size
        self.num_codebooks: int = config.num_quantizers

    @classmethod
    def from_pretrained(cls, folder: Path, device: str | torch.device) -> HiggsCodec:
        """The codec of a checkpoint's folder in either format, in fp32. Raises `CheckpointError`."""
        return load_codec_part(cls, folder, device)

    @torch.inference_mode()
    def forward(self, codes: Tensor) -> Tensor:
        """Codes `[B, C, T]` -> samples `[B, T * samples_per_token]`, float32, on the codec's device, not clipped."""
        hidden = self.fc2(self.quantizer.decode(codes.to(self.fc2.weight.device)))
        # cuDNN's default for convolutions is TF32, whose mantissa of 10 bits is too coarse for windows to meet.
        with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
            return self.acoustic_decoder(hidden.transpose(1, 2))[:, 0]

    def decode(self, codes: Tensor) -> NDArray[np.float32]:
        """Codes `[B, C, T]` -> samples `[B, 1, T * samples_per_token]`. Raises `ValueError` for codes that are none."""
        if codes.ndim != 3 or codes.shape[1] != self.num_codebooks or codes.shape[2] < 1:
            raise ValueError(
                f"codes have the shape [B, {self.num_codebooks}, T] with T from 1, not {list(codes.shape)}"
            )
        low, high = (int(extreme) for extreme in codes.aminmax())
        if low < 0 or high >= self.codebook_size:
            raise ValueError(f"codes are 0 to {self.codebook_size - 1}; here are {low} to {high}")
        return self(codes)[:, None].cpu().numpy()
