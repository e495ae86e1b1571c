"""The diffusion transformer that estimates velocities of flow matching, over frames of a mel spectrogram.

There are no positions: order comes from causal convolutions and from the conditions. Whole utterances and chunks take
the same way: a whole one is a chunk that finds no cache. Parameters are named as in the checkpoint.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

if TYPE_CHECKING:
    from boson_multimodal.model.step_audio2.config import EstimatorConfig

KERNEL = 3
FREQUENCIES = 256


@dataclass(frozen=True, slots=True)
class EstimatorCache:
    """What a chunk needs of those before it, at one step of the solver. No chunk writes into a cache.

    attention: per block keys and values, from the oldest frame to the newest, `[2, B, heads, frames, head_dim]`
    convolution: per block the last inputs of its two convolutions, `[2, B, hidden, KERNEL - 1]`
    """

    attention: tuple[Tensor, ...]
    convolution: tuple[Tensor, ...]

    def trimmed(self, first: int, last: int) -> EstimatorCache:
        """With the keys and values of only the `first` and the `last` frames; itself if there are no others."""
        if self.attention[0].shape[-2] <= first + last:
            return self
        kept = tuple(
            torch.cat((pair[..., :first, :], pair[..., pair.shape[-2] - last :, :]), dim=-2) for pair in self.attention
        )
        return EstimatorCache(kept, self.convolution)


def modulate(x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    """Adaptive normalisation's `x * (1 + scale) + shift` (https://arxiv.org/abs/2212.09748, section 3.2)."""
    return x * (1 + scale) + shift


class TimeEmbedder(nn.Module):
    """A time from 0 to 1 as a vector: 128 cosines and as many sines of 1000 times it, then two linear layers."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.mlp = nn.Sequential(nn.Linear(FREQUENCIES, size), nn.SiLU(), nn.Linear(size, size))

    def forward(self, t: Tensor) -> Tensor:
        """Times `[B]` -> `[B, size]`."""
        half = FREQUENCIES // 2
        index = torch.arange(half, device=t.device, dtype=torch.float32)
        angle = 1000 * t.float()[:, None] * torch.exp(index * (-math.log(10000.0) / half))
        return self.mlp(torch.cat((angle.cos(), angle.sin()), dim=-1).to(next(self.parameters()).dtype))


class Attention(nn.Module):
    """Self-attention with queries and keys normalised per head."""

    def __init__(self, size: int, heads: int, head_dim: int) -> None:
        super().__init__()
        self.heads = heads
        self.to_q = nn.Linear(size, heads * head_dim)
        self.to_k = nn.Linear(size, heads * head_dim)
        self.to_v = nn.Linear(size, heads * head_dim)
        self.q_norm = nn.LayerNorm(head_dim)
        self.k_norm = nn.LayerNorm(head_dim)
        self.proj = nn.Linear(heads * head_dim, size)

    def forward(self, x: Tensor, mask: Tensor | None, cache: Tensor) -> tuple[Tensor, Tensor]:
        """`x [B, Q, size]` after the cached frames -> `[B, Q, size]` and the cache with those of `x`.

        `mask [B, 1 or Q, K]` is True where a query may see a key.
        """
        q, k, v = (
            project(x).unflatten(-1, (self.heads, -1)).transpose(1, 2) for project in (self.to_q, self.to_k, self.to_v)
        )
        cache = torch.cat((cache, torch.stack((self.k_norm(k), v))), dim=-2)
        k, v = cache
        seen = None if mask is None else mask[:, None]
        out = F.scaled_dot_product_attention(self.q_norm(q), k, v, attn_mask=seen)
        return self.proj(out.transpose(1, 2).flatten(-2)), cache


class Mlp(nn.Module):
    """Two linear layers with the tanh form of GELU between."""

    def __init__(self, size: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(size, hidden)
        self.fc2 = nn.Linear(hidden, size)

    def forward(self, x: Tensor) -> Tensor:
        """`[..., size]` -> the same shape."""
        return self.fc2(F.gelu(self.fc1(x), approximate="tanh"))


class CausalConvolution(nn.Module):
    """Two causal convolutions with a norm and Mish between; `block` is keyed by their places in the checkpoint."""

    def __init__(self, size: int) -> None:
        super().__init__()
        first, second = (nn.Conv1d(size, size, KERNEL) for _ in range(2))
        self.block = nn.ModuleDict({"1": first, "3": nn.LayerNorm(size), "6": second})

    def forward(self, x: Tensor, history: Tensor) -> tuple[Tensor, Tensor]:
        """`x [B, T, size]` and the cached `history [2, B, size, KERNEL - 1]` -> `[B, T, size]`, the next history."""
        first, norm, second = self.block.values()
        before = torch.cat((history[0], x.mT), dim=-1)
        hidden = F.mish(norm(first(before).mT))
        between = torch.cat((history[1], hidden.mT), dim=-1)
        history = torch.stack((before[..., -(KERNEL - 1) :], between[..., -(KERNEL - 1) :]))
        return second(between).mT, history


class Block(nn.Module):
    """Attention, convolution and feed-forward, each shifted, scaled and gated by the time."""

    def __init__(self, config: EstimatorConfig) -> None:
        super().__init__()
        size = config.hidden_size
        self.norm1, self.norm2, self.norm3 = (_plain_norm(size) for _ in range(3))
        self.attn = Attention(size, config.num_heads, config.head_dim)
        self.mlp = Mlp(size, int(size * config.mlp_ratio))
        self.conv = CausalConvolution(size)
        self.adaLN_modulation = nn.Sequential(nn.SiLU(), nn.Linear(size, 9 * size))

    def forward(
        self, x: Tensor, time: Tensor, mask: Tensor | None, attention: Tensor, convolution: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """`x [B, T, size]`, `time [B, 1, size]`, the caches -> `[B, T, size]` and both new caches."""
        attn_shift, attn_scale, attn_gate, mlp_shift, mlp_scale, mlp_gate, conv_shift, conv_scale, conv_gate = (
            self.adaLN_modulation(time).chunk(9, dim=-1)
        )
        attended, attention = self.attn(modulate(self.norm1(x), attn_shift, attn_scale), mask, attention)
        x = x + attn_gate * attended
        convolved, convolution = self.conv(modulate(self.norm3(x), conv_shift, conv_scale), convolution)
        x = x + conv_gate * convolved
        x = x + mlp_gate * self.mlp(modulate(self.norm2(x), mlp_shift, mlp_scale))
        return x, attention, convolution


class FinalLayer(nn.Module):
    """The last norm, shifted and scaled by the time, and the projection to mel channels."""

    def __init__(self, size: int, out_channels: int) -> None:
        super().__init__()
        self.norm_final = _plain_norm(size)
        self.adaLN_modulation = nn.Sequential(nn.SiLU(), nn.Linear(size, 2 * size))
        self.linear = nn.Linear(size, out_channels)

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        """`x [B, T, size]`, `time [B, 1, size]` -> `[B, T, out_channels]`."""
        shift, scale = self.adaLN_modulation(time).chunk(2, dim=-1)
        return self.linear(modulate(self.norm_final(x), shift, scale))


class DiT(nn.Module):
    """Velocities `[B, T, out_channels]` from `x [B, T, in_channels]`, the noisy spectrogram and its conditions."""

    def __init__(self, config: EstimatorConfig) -> None:
        super().__init__()
        self.config = config
        self.t_embedder = TimeEmbedder(config.hidden_size)
        self.in_proj = nn.Linear(config.in_channels, config.hidden_size)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.depth))
        self.final_layer = FinalLayer(config.hidden_size, config.out_channels)

    def empty_cache(self, batch: int) -> EstimatorCache:
        """What the first chunk of `batch` utterances finds: nothing before the first frame, zeros to convolve."""
        config, weight = self.config, self.in_proj.weight
        attention = weight.new_zeros(2, batch, config.num_heads, 0, config.head_dim)
        convolution = weight.new_zeros(2, batch, config.hidden_size, KERNEL - 1)
        return EstimatorCache((attention,) * config.depth, (convolution,) * config.depth)

    def forward(self, x: Tensor, t: Tensor, mask: Tensor | None = None) -> Tensor:
        """Whole utterances at the times `t [B]`. `mask [B, 1 or T, T]` is True where a frame may see another."""
        time, x = self.t_embedder(t)[:, None], self.in_proj(x)
        nothing = self.empty_cache(len(x))
        for block, pair, history in zip(self.blocks, nothing.attention, nothing.convolution, strict=True):
            x, _, _ = block(x, time, mask, pair, history)
        return self.final_layer(x, time)

    def forward_chunk(self, x: Tensor, t: Tensor, cache: EstimatorCache) -> tuple[Tensor, EstimatorCache]:
        """The next frames, from 1 on, and the cache for those after them; a chunk sees itself and what is cached."""
        time, x = self.t_embedder(t)[:, None], self.in_proj(x)
        attention: list[Tensor] = []
        convolution: list[Tensor] = []
        for block, pair, history in zip(self.blocks, cache.attention, cache.convolution, strict=True):
            x, pair, history = block(x, time, None, pair, history)  # noqa: PLW2901
            attention.append(pair)
            convolution.append(history)
        return self.final_layer(x, time), EstimatorCache(tuple(attention), tuple(convolution))


def _plain_norm(size: int) -> nn.LayerNorm:
    return nn.LayerNorm(size, eps=1e-6, elementwise_affine=False)
