"""A tiny flow, a prompt for it, and the masks under which a whole utterance sees what its chunks see."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import torch
from torch import Tensor

from boson_multimodal.model.step_audio2.flow import Flow, FlowPrompt
from boson_multimodal.model.step_audio2.tiny import TINY_FLOW, random_weights


@cache
def tiny_flow(steps: int = 10) -> Flow:
    """The tiny flow, solved in so many steps."""
    flow = Flow(replace(TINY_FLOW, decoder=replace(TINY_FLOW.decoder, n_timesteps=steps)))
    flow.load_state_dict(random_weights(TINY_FLOW, seed=0))
    return flow.eval().requires_grad_(False)


def random_prompt(codes: int = 6, seed: int = 1) -> FlowPrompt:
    """A voice of random codes, frames and speaker."""
    generator = torch.Generator().manual_seed(seed)
    return FlowPrompt(
        codes=torch.randint(6561, (1, codes), generator=generator),
        mel=torch.randn(1, 2 * codes, 80, generator=generator),
        speaker=torch.randn(1, 192, generator=generator),
    )


def random_codes(count: int, seed: int = 2) -> Tensor:
    """Speech codes `[count]`."""
    return torch.randint(6561, (count,), generator=torch.Generator().manual_seed(seed))


def block_causal(sizes: list[int]) -> Tensor:
    """`[1, T, T]`, True where a position of one block may see another: within the block and all blocks before."""
    block = torch.repeat_interleave(torch.arange(len(sizes)), torch.tensor(sizes))
    return (block[:, None] >= block)[None]


def random_sizes(total: int, seed: int) -> list[int]:
    """Random sizes of chunks, from 1 on, that sum to `total`."""
    generator = torch.Generator().manual_seed(seed)
    sizes: list[int] = []
    while (left := total - sum(sizes)) > 0:
        sizes.append(min(left, int(torch.randint(1, 12, (), generator=generator))))
    return sizes
