"""The transformer of Higgs Audio v2 over slots of a key-value cache.

The weights are those of transformers' `HiggsAudioV2ForConditionalGeneration`; the forward pass is written for serving:
query, key and value in one product, gate and up in one, routing between the text and the audio branch known before
the pass begins, every slot at its own position. It gives the numbers of the original module.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from boson_multimodal.model.higgs_audio.projection import Projection

if TYPE_CHECKING:
    from transformers import HiggsAudioV2ForConditionalGeneration


Rotary = tuple[Tensor, Tensor]
"""Cosines and signed sines, see `Backbone.rotary_table`."""


@dataclass(frozen=True, slots=True)
class _FeedForward:
    """One of a layer's two branches: its norms and its gated feed-forward network."""

    input_norm: Tensor
    norm: Tensor
    gate_up: Projection
    down: Projection

    def __call__(self, x: Tensor, eps: float) -> Tensor:
        """`x [rows, hidden]` with the branch's contribution added."""
        gate, up = self.gate_up(_rms_norm(x, self.norm, eps)).chunk(2, dim=-1)
        return self.down.added(F.silu(gate) * up, x)


@dataclass(frozen=True, slots=True)
class _Layer:
    qkv: Projection
    out: Projection
    text: _FeedForward
    audio: _FeedForward


@dataclass(frozen=True, slots=True)
class Routing:
    """Which of a prefill's positions are audio: `is_audio [L, 1]`, and the indices of either kind."""

    is_audio: Tensor
    text: Tensor
    audio: Tensor


class KeyValueCache:
    """Keys and values of all slots, written in place: per layer `[slots, capacity, 2, kv_heads, head_dim]`."""

    def __init__(self, backbone: Backbone, slots: int, capacity: int) -> None:
        shape = (len(backbone.layers), slots, capacity, 2, backbone.kv_heads, backbone.head_dim)
        self.whole = torch.zeros(shape, dtype=backbone.dtype, device=backbone.device)
        self.layers = list(self.whole)
        self.positions = [layer.view(slots * capacity, 2 * backbone.kv_heads, -1) for layer in self.layers]
        self.capacity = capacity
        self.first = torch.arange(slots, device=backbone.device) * capacity

    def copy(self, source: int, target: int, length: int) -> None:
        """Give `target` the first `length` positions of `source`."""
        self.whole[:, target, :length] = self.whole[:, source, :length]

    def swap(self, a: int, b: int, length: int) -> None:
        """Exchange the first `length` positions of two slots."""
        kept = self.whole[:, a, :length].clone()
        self.whole[:, a, :length] = self.whole[:, b, :length]
        self.whole[:, b, :length] = kept


class Backbone:
    """The model's layers, fused; see `Projection` for what becomes of the module's own parameters. It still works."""

    def __init__(self, model: HiggsAudioV2ForConditionalGeneration) -> None:
        config = model.config
        if config.attention_bias or config.mlp_bias or config.hidden_act != "silu":
            raise ValueError("this engine runs models without biases and with silu, as all Higgs Audio v2 models are")
        self.heads, self.kv_heads = int(config.num_attention_heads), int(config.num_key_value_heads)
        self.head_dim = int(config.head_dim or config.hidden_size // config.num_attention_heads)
        self.codebooks, self.codebook_size = int(config.num_codebooks), int(config.codebook_size)
        self.eps = float(config.rms_norm_eps)
        self.device, self.dtype = model.device, model.dtype
        self._embed_text = model.model.embed_tokens.weight
        self._embed_audio = model.model.embed_audio_tokens.embed_audio_tokens.weight
        self._offsets = torch.arange(self.codebooks, device=self.device) * self.codebook_size
        self._rotary = model.model.rotary_emb
        self._norm = model.model.norm.weight
        with torch.no_grad():
            self._head = Projection(model.audio_lm_head)
            self.layers = [_fused_layer(layer) for layer in model.model.layers]

    def rotary_table(self, positions: int) -> Rotary:
        """The rotation of every head at the first `positions` positions, `[positions, heads, head_dim]` each.

        x cos + rotate_half(x) sin, with the half's sign in the sine; the value heads are turned by nothing.
        """
        ids = torch.arange(positions, device=self.device)[None]
        like = torch.empty(0, dtype=self.dtype, device=self.device)
        cos, sin = (table[0, :, None] for table in self._rotary(like, ids))
        sin = torch.cat((-sin[..., : self.head_dim // 2], sin[..., self.head_dim // 2 :]), dim=-1)
        turned = self.heads + self.kv_heads
        cos, sin = cos.repeat(1, turned + self.kv_heads, 1), sin.repeat(1, turned + self.kv_heads, 1)
        cos[:, turned:], sin[:, turned:] = 1, 0
        return cos, sin

    def embedded_columns(self, columns: Tensor) -> Tensor:
        """Columns `[..., C]` -> hidden states `[..., hidden]`."""
        return F.embedding(columns + self._offsets, self._embed_audio).sum(dim=-2)

    def embedded_text(self, ids: Tensor) -> Tensor:
        """Text ids `[...]` -> hidden states `[..., hidden]`."""
        return F.embedding(ids, self._embed_text)

    def logits(self, hidden: Tensor) -> Tensor:
        """Final hidden states `[B, hidden]` -> logits `[B, C, V]`."""
        logits = self._head(_rms_norm(hidden, self._norm, self.eps))
        return logits.view(-1, self.codebooks, self.codebook_size)

    def decode(self, hidden: Tensor, cache: KeyValueCache, span: int, positions: Tensor, rotary: Rotary) -> Tensor:
        """One audio position for each of the first B slots: `hidden [B, hidden]` at `positions [B]` -> `[B, hidden]`.

        `span` positions of the cache are read; every slot's own position lies below it.
        """
        batch = hidden.shape[0]
        cos, sin = rotary[0][positions], rotary[1][positions]
        targets = cache.first[:batch] + positions
        # Added to the scores, not a choice of them: attention would turn the latter into the former in every layer.
        unseen = torch.arange(span, device=hidden.device) > positions[:, None]
        mask = torch.zeros_like(unseen, dtype=self.dtype).masked_fill_(unseen, -math.inf)[:, None, None]
        for layer, cached, flat in zip(self.layers, cache.layers, cache.positions, strict=True):
            heads = self._projected(_rms_norm(hidden, layer.audio.input_norm, self.eps), layer, cos, sin)
            flat.index_copy_(0, targets, heads[:, self.heads :])
            # The queries that share a key-value head stand as the query positions of that head: nothing is repeated.
            query = heads[:, : self.heads].view(batch, self.kv_heads, -1, self.head_dim)
            keys, values = cached[:batch, :span].permute(2, 0, 3, 1, 4)
            attended = F.scaled_dot_product_attention(query, keys, values, attn_mask=mask)
            hidden = layer.out.added(attended.reshape(batch, -1), hidden)
            hidden = layer.audio(hidden, self.eps)
        return hidden

    def prefill(
        self,
        hidden: Tensor,
        routing: Routing,
        cache: KeyValueCache,
        slot: int,
        start: int,
        rotary: Rotary,
    ) -> Tensor:
        """Positions `start` to `start + L` of one slot: `hidden [L, hidden]` -> `[L, hidden]`."""
        length = hidden.shape[0]
        end = start + length
        cos, sin = rotary[0][start:end], rotary[1][start:end]
        columns = torch.arange(end, device=hidden.device)
        seen = columns <= columns[start:, None]
        group = self.heads // self.kv_heads
        for layer, cached in zip(self.layers, cache.layers, strict=True):
            scale = torch.where(routing.is_audio, layer.audio.input_norm, layer.text.input_norm)
            heads = self._projected(_rms_norm(hidden, None, self.eps) * scale, layer, cos, sin)
            cached[slot, start:end] = heads[:, self.heads :].view(length, 2, self.kv_heads, self.head_dim)
            query = heads[:, : self.heads].transpose(0, 1)[None]
            keys, values = cached[slot, :end].permute(1, 2, 0, 3).repeat_interleave(group, dim=1)[:, None]
            attended = F.scaled_dot_product_attention(query, keys, values, attn_mask=seen)
            hidden = layer.out.added(attended[0].transpose(0, 1).reshape(length, -1), hidden)
            for branch, rows in ((layer.text, routing.text), (layer.audio, routing.audio)):
                if rows.numel():
                    hidden = hidden.index_copy(0, rows, branch(hidden[rows], self.eps))
        return hidden

    def _projected(self, x: Tensor, layer: _Layer, cos: Tensor, sin: Tensor) -> Tensor:
        """Rotated queries, rotated keys, values: `[rows, heads, head_dim]`."""
        heads = layer.qkv(x).view(x.shape[0], -1, self.head_dim)
        return torch.addcmul(heads * cos, heads.roll(self.head_dim // 2, dims=-1), sin)


def _rms_norm(x: Tensor, weight: Tensor | None, eps: float) -> Tensor:
    """x / sqrt(mean(x^2) + eps) * weight over the last dimension."""
    return F.rms_norm(x, x.shape[-1:], weight, eps)


def _fused_layer(layer: Any) -> _Layer:
    attention = layer.self_attn
    return _Layer(
        qkv=Projection(attention.q_proj, attention.k_proj, attention.v_proj),
        out=Projection(attention.o_proj),
        text=_feed_forward(layer.input_layernorm, layer.post_attention_layernorm, layer.mlp),
        audio=_feed_forward(layer.audio_input_layernorm, layer.audio_post_attention_layernorm, layer.audio_mlp),
    )


def _feed_forward(input_norm: Any, norm: Any, mlp: Any) -> _FeedForward:
    return _FeedForward(
        input_norm.weight, norm.weight, Projection(mlp.gate_proj, mlp.up_proj), Projection(mlp.down_proj)
    )
