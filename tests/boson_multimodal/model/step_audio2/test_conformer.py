"""The upsampling conformer encoder, by chunks and at any length."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from boson_multimodal.model.step_audio2.conformer import (
    EncoderCache,
    RelativeAttention,
    align_distances,
    distance_embeddings,
)

from .flows import block_causal, random_sizes, tiny_flow

ENCODER = tiny_flow().encoder


def random(*shape: int, seed: int = 3) -> Tensor:
    """Standard normal values."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def by_chunks(x: Tensor, sizes: list[int]) -> tuple[Tensor, EncoderCache]:
    """`x` encoded in chunks of these sizes, each with the true codes that follow it."""
    cache, outputs, at = ENCODER.empty_cache(len(x)), list[Tensor](), 0
    for size in sizes:
        end = at + size
        rest = x[:, end : end + ENCODER.ahead]
        assert rest.shape[1] in (0, ENCODER.ahead), "the last chunk has to be as long as the lookahead"
        out, cache = ENCODER.forward_chunk(x[:, at:end], rest if rest.shape[1] else None, cache)
        outputs.append(out)
        at = end
    return torch.cat(outputs, dim=1), cache


@pytest.mark.parametrize("seed", range(8))
def test_chunks_are_the_whole_under_a_block_causal_mask(seed: int) -> None:
    """However the codes are cut, the frames are those of the whole utterance in which no chunk sees a later one."""
    sizes = [*random_sizes(30, seed), ENCODER.ahead]
    x = random(2, sum(sizes), 32, seed=seed)
    chunked, _ = by_chunks(x, sizes)
    whole = ENCODER(x, block_causal(sizes))
    assert chunked.shape == (2, 2 * sum(sizes), 32)
    torch.testing.assert_close(chunked, whole, atol=1e-5, rtol=0)


def test_the_mask_matters() -> None:
    """Without it the whole differs, so that the comparison above compares something."""
    x = random(1, 20, 32)
    assert (ENCODER(x, block_causal([10, 10])) - ENCODER(x)).abs().max() > 1e-2


def test_a_mask_under_which_all_see_all_is_none() -> None:
    """What is masked depends on the values of the mask only."""
    x = random(1, 9, 32)
    torch.testing.assert_close(ENCODER(x, torch.ones(1, 1, 9, dtype=torch.bool)), ENCODER(x), atol=1e-5, rtol=0)


def test_a_chunk_leaves_its_cache_as_it_was() -> None:
    """Streams may begin from one cache: a chunk makes another and writes into none."""
    x = random(1, 12, 32)
    _, cache = by_chunks(x[:, :6], [6])
    first, _ = ENCODER.forward_chunk(x[:, 6:], None, cache)
    second, _ = ENCODER.forward_chunk(x[:, 6:], None, cache)
    assert torch.equal(first, second)


def test_only_the_lookahead_is_seen_of_what_follows() -> None:
    """A chunk's frames depend on three codes after it, and on all three."""
    x = random(1, 20, 32)
    known, _ = ENCODER.forward_chunk(x[:, :10], x[:, 10:13], ENCODER.empty_cache(1))
    for at, matters in ((10, True), (12, True), (13, False)):
        other = x.clone()
        other[:, at] += 1
        out, _ = ENCODER.forward_chunk(other[:, :10], other[:, 10:13], ENCODER.empty_cache(1))
        assert torch.equal(out, known) is not matters


def test_padding_changes_nothing() -> None:
    """A short row beside a long one is encoded as alone, up to its last frame."""
    x = random(2, 15, 32)
    mask = (torch.arange(15) < torch.tensor([[9], [15]]))[:, None]
    batch = ENCODER(x, mask)
    torch.testing.assert_close(batch[:1, :18], ENCODER(x[:1, :9]), atol=1e-5, rtol=0)
    torch.testing.assert_close(batch[1:], ENCODER(x[1:]), atol=1e-5, rtol=0)


def test_distances_are_aligned_with_their_keys() -> None:
    """The score of query i and key j is that of their distance, for chunks with and without keys before them."""
    for queries, keys in ((1, 1), (4, 4), (3, 10), (1, 7)):
        distances = torch.arange(keys - 1, -queries, -1).expand(2, queries, -1)
        expected = (keys - queries + torch.arange(queries))[:, None] - torch.arange(keys)
        assert torch.equal(align_distances(distances, keys), expected.expand(2, -1, -1))


def expected_sinusoid(distance: int, size: int) -> list[float]:
    """The formula, in double precision."""
    angles = [distance / 10000 ** (even / size) for even in range(0, size, 2)]
    return [value for angle in angles for value in (math.sin(angle), math.cos(angle))]


def test_distances_have_no_end() -> None:
    """Past 5000 frames, where a table of positions would end, sinusoids are still those of the distance."""
    embeddings = distance_embeddings(300, 12_300, torch.empty(0), 16)
    assert embeddings.shape == (12_599, 16)
    for distance in (12_299, 9000, 5001, 5000, 4999, 1, 0, -1, -299):
        row = embeddings[12_299 - distance]
        torch.testing.assert_close(row, torch.tensor(expected_sinusoid(distance, 16)), atol=2e-3, rtol=0)


def test_attention_past_5000_frames_is_the_formula() -> None:
    """A late chunk attends over its whole past by the formula of Transformer-XL, computed here pair by pair."""
    attention = ENCODER.encoders[0].self_attn
    assert isinstance(attention, RelativeAttention)
    past, queries, heads, size = 5200, 3, 2, 32
    x, cache = random(1, queries, size), random(2, 1, heads, past, size // heads, seed=4)
    keys = past + queries
    out, extended = attention(x, distance_embeddings(queries, keys, x, size), None, cache)
    assert torch.equal(extended[..., :past, :], cache)

    table = torch.tensor([expected_sinusoid(distance, size) for distance in range(-queries + 1, keys)])
    by_distance = (table @ attention.linear_pos.weight.T).unflatten(-1, (heads, -1))
    q = attention.linear_q(x)[0].unflatten(-1, (heads, -1))
    rows: list[Tensor] = []
    for i in range(queries):
        distance = past + i - torch.arange(keys) + queries - 1
        merged: list[Tensor] = []
        for head in range(heads):
            content = extended[0, 0, head] @ (q[i, head] + attention.pos_bias_u[head])
            position = by_distance[distance, head] @ (q[i, head] + attention.pos_bias_v[head])
            weights = ((content + position) / math.sqrt(size // heads)).softmax(dim=0)
            merged.append(weights @ extended[1, 0, head])
        rows.append(torch.cat(merged))
    torch.testing.assert_close(out[0], attention.linear_out(torch.stack(rows)), atol=1e-3, rtol=0)
