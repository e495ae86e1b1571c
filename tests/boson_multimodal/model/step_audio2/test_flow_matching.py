"""Euler's method with guidance."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn

from boson_multimodal.model.step_audio2.config import SolverConfig
from boson_multimodal.model.step_audio2.flow_matching import FlowMatching, join_conditions
from boson_multimodal.model.step_audio2.tiny import TINY_FLOW


class Recorder(nn.Module):
    """Stands in for the estimator: velocities are the conditions' mu, plus the time; keeps what it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.inputs: list[Tensor] = []
        self.times: list[Tensor] = []

    def forward(self, x: Tensor, t: Tensor, mask: Tensor | None = None) -> Tensor:
        """Mu and the time."""
        self.inputs.append(x)
        self.times.append(t)
        return x[..., 80:160] + t[:, None, None]


@pytest.fixture
def solver() -> FlowMatching:
    """A solver of four steps whose estimator is a recorder."""
    solver = FlowMatching(SolverConfig(TINY_FLOW.decoder.estimator, inference_cfg_rate=0.7, n_timesteps=4))
    solver.estimator = Recorder()
    return solver


def test_steps_follow_the_cosine_and_conditions_guide(solver: FlowMatching) -> None:
    """Times are 1 - cos(pi/2 * i/n); mu counts 1.7 times, as it is estimated once with it and once without."""
    noise, mu = torch.randn(1, 5, 80), torch.randn(1, 5, 80)
    result = solver.solve(noise, join_conditions(mu, torch.ones(1, 80), torch.zeros(1, 5, 80)))
    times = [1 - math.cos(math.pi * i / 8) for i in range(5)]
    recorder = solver.estimator
    assert isinstance(recorder, Recorder)
    torch.testing.assert_close(torch.stack(recorder.times), torch.tensor(times[:-1])[:, None].expand(4, 2))
    by_time = sum(then * (after - then) for then, after in pairwise(times))
    torch.testing.assert_close(result, noise + 1.7 * mu + by_time, atol=1e-5, rtol=0)


def test_the_estimator_sees_everything_once_and_nothing_once(solver: FlowMatching) -> None:
    """Channels are the spectrogram, mu, the speaker, the known frames; in the second row only the spectrogram."""
    mu, speaker, known = torch.full((1, 3, 80), 2.0), torch.full((1, 80), 3.0), torch.full((1, 3, 80), 4.0)
    solver.solve(torch.ones(1, 3, 80), join_conditions(mu, speaker, known))
    recorder = solver.estimator
    assert isinstance(recorder, Recorder)
    first = recorder.inputs[0].unflatten(-1, (4, 80))
    assert first[0].mean(dim=(0, 2)).tolist() == [1, 2, 3, 4]
    assert first[1].mean(dim=(0, 2)).tolist() == [1, 0, 0, 0]
