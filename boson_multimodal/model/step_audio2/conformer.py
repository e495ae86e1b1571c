"""The upsampling conformer encoder: speech codes' embeddings at 25 Hz to hidden frames at 50 Hz.

Attention is that of Transformer-XL, with a bias for the distance between query and key; distances are computed for the
length at hand, so no length is too long. Whole utterances and chunks take the same way: a whole one is a chunk that
finds no cache. Parameters are named as in the checkpoint.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from boson_multimodal.model.step_audio2.config import FRAMES_PER_CODE

if TYPE_CHECKING:
    from boson_multimodal.model.step_audio2.config import EncoderConfig


@dataclass(frozen=True, slots=True)
class EncoderCache:
    """What a chunk needs of those before it. Chunks make new caches and never write into one.

    lookahead: `[B, size, 2]`, the last inputs of the second convolution before the blocks
    upsampled: `[B, size, 4]`, the last inputs of the convolution after upsampling
    attention: per block keys and values, `[2, B, heads, frames, head_dim]`
    """

    lookahead: Tensor
    upsampled: Tensor
    attention: tuple[Tensor, ...]


def distance_embeddings(queries: int, keys: int, like: Tensor, size: int) -> Tensor:
    """Sinusoids of the distances from a query to a key, where the last query and the last key are one position.

    `[keys + queries - 1, size]` on the device and in the dtype of `like`: from the largest distance, `keys - 1` back,
    to the smallest, `queries - 1` ahead; sines in the even channels, cosines in the odd ones. As in ESPnet's
    `RelPositionalEncoding`; the sines and cosines are taken in float32.
    """
    distance = torch.arange(keys - 1, -queries, -1, device=like.device, dtype=torch.float32)
    even = torch.arange(0, size, 2, device=like.device, dtype=torch.float32)
    angle = distance[:, None] * torch.exp(even * (-math.log(10000.0) / size))
    return torch.stack((angle.sin(), angle.cos()), dim=-1).flatten(1).to(like.dtype)


def align_distances(scores: Tensor, keys: int) -> Tensor:
    """Scores by distance `[..., Q, keys + Q - 1]`, ordered as `distance_embeddings`, to scores by key `[..., Q, keys]`.

    Query i and key j are `keys - Q + i - j` apart, which is column `Q - 1 - i + j`. With one column put before the
    others, and the first Q elements left out, rows of the old length begin one further to the left each
    (Transformer-XL, appendix B).
    """
    queries, distances = scores.shape[-2:]
    padded = F.pad(scores, (1, 0)).flatten(-2)[..., queries:]
    return padded.unflatten(-1, (queries, distances))[..., :keys]


class RelativeAttention(nn.Module):
    """Self-attention of Transformer-XL (https://arxiv.org/abs/1901.02860, section 3.3)."""

    def __init__(self, size: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.linear_q = nn.Linear(size, size)
        self.linear_k = nn.Linear(size, size)
        self.linear_v = nn.Linear(size, size)
        self.linear_out = nn.Linear(size, size)
        self.linear_pos = nn.Linear(size, size, bias=False)
        self.pos_bias_u = nn.Parameter(torch.zeros(heads, size // heads))
        self.pos_bias_v = nn.Parameter(torch.zeros(heads, size // heads))

    def forward(self, x: Tensor, distances: Tensor, mask: Tensor | None, cache: Tensor) -> tuple[Tensor, Tensor]:
        """`x [B, Q, size]` after the cached frames -> `[B, Q, size]` and the cache with those of `x`.

        distances: of `distance_embeddings` for Q queries and all K keys
        mask: `[B, 1 or Q, K]`, True where a query may see a key
        """
        q, k, v = (
            project(x).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for project in (self.linear_q, self.linear_k, self.linear_v)
        )
        cache = torch.cat((cache, torch.stack((k, v))), dim=-2)
        k, v = cache
        by_distance = self.linear_pos(distances).unflatten(-1, (self.heads, -1)).transpose(0, 1)
        bias = align_distances((q + self.pos_bias_v[:, None]) @ by_distance.mT, k.shape[-2]) / math.sqrt(q.shape[-1])
        if mask is not None:
            bias = bias.masked_fill(~mask[:, None], -torch.inf)
        out = F.scaled_dot_product_attention(q + self.pos_bias_u[:, None], k, v, attn_mask=bias)
        return self.linear_out(out.transpose(1, 2).flatten(-2)), cache


class FeedForward(nn.Module):
    """Two linear layers with SiLU between."""

    def __init__(self, size: int, hidden: int) -> None:
        super().__init__()
        self.w_1 = nn.Linear(size, hidden)
        self.w_2 = nn.Linear(hidden, size)

    def forward(self, x: Tensor) -> Tensor:
        """`[..., size]` -> the same shape."""
        return self.w_2(F.silu(self.w_1(x)))


class ConformerBlock(nn.Module):
    """Attention and feed-forward, each normalised before and added to its input; without a convolution."""

    def __init__(self, size: int, heads: int, hidden: int) -> None:
        super().__init__()
        self.self_attn = RelativeAttention(size, heads)
        self.feed_forward = FeedForward(size, hidden)
        self.norm_mha = nn.LayerNorm(size, eps=1e-12)
        self.norm_ff = nn.LayerNorm(size, eps=1e-12)

    def forward(self, x: Tensor, distances: Tensor, mask: Tensor | None, cache: Tensor) -> tuple[Tensor, Tensor]:
        """Shapes and cache as of `RelativeAttention`."""
        attended, cache = self.self_attn(self.norm_mha(x), distances, mask, cache)
        x = x + attended
        return x + self.feed_forward(self.norm_ff(x)), cache


class InputLayer(nn.Module):
    """A linear layer, normalised and scaled by the root of its size."""

    def __init__(self, input_size: int, size: int) -> None:
        super().__init__()
        self.scale = math.sqrt(size)
        self.out = nn.Sequential(nn.Linear(input_size, size), nn.LayerNorm(size, eps=1e-5))

    def forward(self, x: Tensor) -> Tensor:
        """`[..., input_size]` -> `[..., size]`."""
        return self.out(x) * self.scale


class PreLookahead(nn.Module):
    """A convolution over the codes ahead, then a causal one, added to the input."""

    def __init__(self, size: int, ahead: int) -> None:
        super().__init__()
        self.ahead = ahead
        self.conv1 = nn.Conv1d(size, size, ahead + 1)
        self.conv2 = nn.Conv1d(size, size, 3)

    def forward(self, x: Tensor, history: Tensor) -> tuple[Tensor, Tensor]:
        """`x [B, T + ahead, size]` and the cached `history [B, size, 2]` -> `[B, T, size]` and the next history."""
        hidden = torch.cat((history, F.leaky_relu(self.conv1(x.mT), 0.01)), dim=-1)
        return x[:, : x.shape[1] - self.ahead] + self.conv2(hidden).mT, hidden[..., -2:].clone()


class Upsampling(nn.Module):
    """Every frame twice, then a causal convolution."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(size, size, 2 * FRAMES_PER_CODE + 1)

    def forward(self, x: Tensor, history: Tensor) -> tuple[Tensor, Tensor]:
        """`x [B, T, size]` and the cached `history [B, size, 4]` -> `[B, 2T, size]` and the next history."""
        hidden = torch.cat((history, x.mT.repeat_interleave(FRAMES_PER_CODE, dim=-1)), dim=-1)
        return self.conv(hidden).mT, hidden[..., -2 * FRAMES_PER_CODE :].clone()


class ConformerEncoder(nn.Module):
    """Lookahead, blocks at the rate of the codes, upsampling, and blocks at the rate of the frames."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        size, heads = config.output_size, config.attention_heads
        self.size, self.heads, self.ahead = size, heads, config.pre_lookahead_len
        self.embed = InputLayer(config.input_size, size)
        self.pre_lookahead_layer = PreLookahead(size, config.pre_lookahead_len)
        self.encoders = nn.ModuleList(
            ConformerBlock(size, heads, config.linear_units) for _ in range(config.num_blocks)
        )
        self.up_layer = Upsampling(size)
        self.up_embed = InputLayer(size, size)
        self.up_encoders = nn.ModuleList(
            ConformerBlock(size, heads, config.linear_units) for _ in range(config.num_up_blocks)
        )
        self.after_norm = nn.LayerNorm(size, eps=1e-5)

    def empty_cache(self, batch: int) -> EncoderCache:
        """What the first chunk of `batch` utterances finds: nothing before the first frame, zeros to convolve."""
        weight = self.after_norm.weight
        nothing = weight.new_zeros(2, batch, self.heads, 0, self.size // self.heads)
        return EncoderCache(
            lookahead=weight.new_zeros(batch, self.size, 2),
            upsampled=weight.new_zeros(batch, self.size, 2 * FRAMES_PER_CODE),
            attention=(nothing,) * (len(self.encoders) + len(self.up_encoders)),
        )

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Whole utterances `[B, T, input_size]` -> `[B, 2T, size]`.

        `mask [B, 1 or T, T]` is True where a code may see another; what none may see is padding. Needs memory for
        `[B, heads, 2T, 4T]`; long utterances go by chunks.
        """
        return self._encode(x, None, mask, self.empty_cache(len(x)))[0]

    def forward_chunk(self, x: Tensor, lookahead: Tensor | None, cache: EncoderCache) -> tuple[Tensor, EncoderCache]:
        """The next codes `[B, n, input_size]`, n from 1 -> `[B, 2n, size]` and the cache for those after them.

        `lookahead [B, pre_lookahead_len, input_size]` are the codes that follow; None at the end of the utterance.
        A chunk sees itself and all before it: chunks give what `forward` gives under such a mask.
        """
        return self._encode(x, lookahead, None, cache)

    def _encode(
        self, x: Tensor, lookahead: Tensor | None, mask: Tensor | None, cache: EncoderCache
    ) -> tuple[Tensor, EncoderCache]:
        if lookahead is None:
            x = self.embed(x)
            if mask is not None:
                # The lookahead of a row's last codes is zero, whether padding follows or nothing.
                x = x * mask.any(dim=1)[..., None]
            x = F.pad(x, (0, 0, 0, self.ahead))
        else:
            x = self.embed(torch.cat((x, lookahead), dim=1))
        x, lookahead_history = self.pre_lookahead_layer(x, cache.lookahead)
        middle = len(self.encoders)
        x, attention = _blocks(self.encoders, x, mask, cache.attention[:middle])

        x, upsampled_history = self.up_layer(x, cache.upsampled)
        if mask is not None:
            mask = mask.repeat_interleave(FRAMES_PER_CODE, dim=-1)
            mask = mask if mask.shape[1] == 1 else mask.repeat_interleave(FRAMES_PER_CODE, dim=1)
        x, up_attention = _blocks(self.up_encoders, self.up_embed(x), mask, cache.attention[middle:])
        return self.after_norm(x), EncoderCache(lookahead_history, upsampled_history, attention + up_attention)


def _blocks(
    blocks: nn.ModuleList, x: Tensor, mask: Tensor | None, caches: tuple[Tensor, ...]
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """All `blocks` in turn, and their new caches."""
    queries = x.shape[1]
    distances = distance_embeddings(queries, caches[0].shape[-2] + queries, x, x.shape[-1])
    extended: list[Tensor] = []
    for block, cache in zip(blocks, caches, strict=True):
        x, cache = block(x, distances, mask, cache)  # noqa: PLW2901
        extended.append(cache)
    return x, tuple(extended)
