"""Frames are those of the original implementation.

The values were computed by its modules (https://github.com/stepfun-ai/Step-Audio2, revision of 2025-09-22) from the
tiny flow's weights, with the same noise and a cache that forgets nothing. Both implementations agree to 1e-5 there.
"""

from __future__ import annotations

import torch
from torch import Tensor

from boson_multimodal.model.step_audio2.flow_stream import FlowStream

from .flows import random_codes, random_prompt, tiny_flow

WHOLE = [
    [0.4784, -0.3947, -0.1915, -1.6964, 2.9365, -0.2922, -3.5787, -1.1314],
    [-1.5059, 3.1575, 1.4876, 1.343, -2.291, 2.1539, 1.5896, -2.2671],
    [1.5841, -3.5463, -3.6744, -1.619, 2.6063, -2.6396, -0.2808, 3.378],
]
CHUNKS = [
    [0.4284, -0.3793, -0.1919, -1.7165, 2.938, -0.2866, -3.5745, -1.1357],
    [-1.5503, 3.1625, 1.4496, 1.3407, -2.2949, 2.1544, 1.5897, -2.2658],
    [1.337, -3.4861, -3.6584, -1.6615, 2.6065, -2.627, -0.2822, 3.3664],
]


def sampled(mel: Tensor) -> Tensor:
    """Every 17th frame of three channels."""
    assert mel.shape == (80, 120)
    return mel[[0, 41, 79], ::17]


def test_whole_utterances_are_those_of_the_original() -> None:
    """Every constant of the graph that no weight carries: scales, slopes, norms, frequencies, guidance, order."""
    mel = tiny_flow().generate(random_codes(60), random_prompt(20), seed=11)
    torch.testing.assert_close(sampled(mel), torch.tensor(WHOLE), atol=1e-3, rtol=0)


def test_streams_are_those_of_the_original() -> None:
    """The prompt set up, a chunk of 25 codes with 3 ahead, and the last chunk with nothing ahead."""
    codes = random_codes(60)
    stream = FlowStream(tiny_flow(), random_prompt(20), seed=11, history=None)
    mel = torch.cat((stream.push(codes[:28]), stream.finish(codes[28:])), dim=1)
    torch.testing.assert_close(sampled(mel), torch.tensor(CHUNKS), atol=1e-3, rtol=0)
