"""The diffusion transformer, by chunks and with some of its past forgotten."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from boson_multimodal.model.step_audio2.dit import Block, EstimatorCache

from .flows import block_causal, random_sizes, tiny_flow

ESTIMATOR = tiny_flow().decoder.estimator
TIMES = torch.tensor([0.3, 0.8])


def random(*shape: int, seed: int = 5) -> Tensor:
    """Standard normal values."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def by_chunks(x: Tensor, sizes: list[int]) -> tuple[Tensor, EstimatorCache]:
    """Velocities for `x`, estimated in chunks of these sizes."""
    cache, outputs = ESTIMATOR.empty_cache(len(x)), list[Tensor]()
    for part in x.split(sizes, dim=1):
        out, cache = ESTIMATOR.forward_chunk(part, TIMES, cache)
        outputs.append(out)
    return torch.cat(outputs, dim=1), cache


@pytest.mark.parametrize("seed", range(8))
def test_chunks_are_the_whole_under_a_block_causal_mask(seed: int) -> None:
    """However the frames are cut, velocities are those of the whole in which no chunk sees a later one."""
    sizes = random_sizes(50, seed)
    x = random(2, 50, 320, seed=seed)
    chunked, _ = by_chunks(x, sizes)
    torch.testing.assert_close(chunked, ESTIMATOR(x, TIMES, block_causal(sizes)), atol=1e-5, rtol=0)


def test_the_mask_and_the_time_matter() -> None:
    """The graph is not the identity: what is seen and when it is seen change the velocities."""
    x = random(2, 20, 320)
    whole = ESTIMATOR(x, TIMES)
    assert (ESTIMATOR(x, TIMES, block_causal([10, 10])) - whole).abs().max() > 1e-2
    assert (ESTIMATOR(x, TIMES + 0.1) - whole).abs().max() > 1e-2


def test_padding_changes_nothing() -> None:
    """A short row beside a long one is estimated as alone."""
    x = random(2, 20, 320)
    mask = (torch.arange(20) < torch.tensor([[13], [20]]))[:, None]
    batch = ESTIMATOR(x, TIMES, mask)
    torch.testing.assert_close(batch[:1, :13], ESTIMATOR(x[:1, :13], TIMES[:1]), atol=1e-5, rtol=0)
    torch.testing.assert_close(batch[1:], ESTIMATOR(x[1:], TIMES[1:]), atol=1e-5, rtol=0)


def test_a_block_is_its_formula() -> None:
    """Order of the three parts, order of the nine modulations, gates, norms and activations, written out once more."""
    block = ESTIMATOR.blocks[0]
    assert isinstance(block, Block)
    weights = block.state_dict()
    x, time = random(1, 7, 32), random(1, 1, 32, seed=6)

    def linear(name: str, value: Tensor) -> Tensor:
        return value @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]

    def normed(value: Tensor, eps: float, name: str = "") -> Tensor:
        centred = value - value.mean(-1, keepdim=True)
        plain = centred / (centred.square().mean(-1, keepdim=True) + eps).sqrt()
        return plain * weights[f"{name}.weight"] + weights[f"{name}.bias"] if name else plain

    def causal(name: str, value: Tensor) -> Tensor:
        before = torch.cat((torch.zeros(1, 2, 32), value), dim=1)
        taps = [before[:, k : k + 7] @ weights[f"{name}.weight"][..., k].T for k in range(3)]
        return taps[0] + taps[1] + taps[2] + weights[f"{name}.bias"]

    modulation = linear("adaLN_modulation.1", time * time.sigmoid())
    # Three times shift, scale and gate.
    attn, mlp, conv = (part.split(32, dim=-1) for part in modulation.split(96, dim=-1))

    value = normed(x, 1e-6) * (1 + attn[1]) + attn[0]
    q, k, v = (linear(f"attn.{name}", value).view(7, 2, 16).transpose(0, 1) for name in ("to_q", "to_k", "to_v"))
    seen = (normed(q, 1e-5, "attn.q_norm") @ normed(k, 1e-5, "attn.k_norm").mT / 4).softmax(-1) @ v
    expected = x + attn[2] * linear("attn.proj", seen.transpose(0, 1).reshape(1, 7, 32))

    value = causal("conv.block.1", normed(expected, 1e-6) * (1 + conv[1]) + conv[0])
    value = normed(value, 1e-5, "conv.block.3")
    expected = expected + conv[2] * causal("conv.block.6", value * (1 + value.exp()).log().tanh())

    value = linear("mlp.fc1", normed(expected, 1e-6) * (1 + mlp[1]) + mlp[0])
    value = 0.5 * value * (1 + ((2 / torch.pi) ** 0.5 * (value + 0.044715 * value**3)).tanh())
    expected = expected + mlp[2] * linear("mlp.fc2", value)

    nothing = ESTIMATOR.empty_cache(1)
    out, _, _ = block(x, time, None, nothing.attention[0], nothing.convolution[0])
    torch.testing.assert_close(out, expected, atol=1e-5, rtol=0)


def test_the_cache_is_in_the_order_of_time() -> None:
    """New frames stand after the old ones, as trimming takes them to."""
    x = random(2, 30, 320)
    for early, late in zip(by_chunks(x[:, :12], [12])[1].attention, by_chunks(x, [12, 18])[1].attention, strict=True):
        assert torch.equal(late[..., :12, :], early)


def test_trimming_keeps_the_first_and_the_last_frames() -> None:
    """Keys and values of what stands between are forgotten, old before new; convolutions go on where they were."""
    _, cache = by_chunks(random(2, 30, 320), [12, 18])
    trimmed = cache.trimmed(4, 6)
    for whole, kept in zip(cache.attention, trimmed.attention, strict=True):
        assert kept.shape == (2, 2, 2, 10, 16)
        assert torch.equal(kept[..., :4, :], whole[..., :4, :])
        assert torch.equal(kept[..., 4:, :], whole[..., 24:, :])
    assert trimmed.convolution is cache.convolution


def test_nothing_is_trimmed_from_what_is_short() -> None:
    """Up to the frames that are kept anyway, the cache is the same; with no last ones, only the first stay."""
    _, cache = by_chunks(random(2, 10, 320), [10])
    assert cache.trimmed(4, 6) is cache
    assert cache.trimmed(4, 0).attention[0].shape[-2] == 4


def test_a_chunk_leaves_its_cache_as_it_was() -> None:
    """Streams may begin from one cache: a chunk makes another and writes into none."""
    x = random(2, 12, 320)
    _, cache = by_chunks(x[:, :6], [6])
    first, _ = ESTIMATOR.forward_chunk(x[:, 6:], TIMES, cache)
    second, _ = ESTIMATOR.forward_chunk(x[:, 6:], TIMES, cache)
    assert torch.equal(first, second)
