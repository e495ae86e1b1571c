"""The benchmark runs, and its figures are figures."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import torch

from boson_multimodal.benchmark import Options, Report, run, table
from boson_multimodal.benchmark_models import SMALL, CodecShape, random_model

if TYPE_CHECKING:
    from collections.abc import Iterator

TINY = replace(
    SMALL,
    name="tiny",
    model=SMALL.model
    | {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "head_dim": 8, "num_attention_heads": 4},
    codec=CodecShape(hidden=8, decoder_hidden=32, codebook_dim=4),
)
OPTIONS = Options(TINY, "cpu", torch.float32, batches=(1, 2), steps=4, rounds=1)


@pytest.fixture(scope="module")
def report() -> Report:
    """As it is after the line of JSON has been read."""
    return json.loads(json.dumps(run(OPTIONS)))


def figures(value: object) -> Iterator[float]:
    """All numbers within `value`."""
    if isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from figures(part)
    elif isinstance(value, int | float):
        yield value


def test_report(report: Report) -> None:
    """It holds what it promises, for every batch size, and every figure is a positive number."""
    assert report["device"] == "cpu"
    assert report["torch"] == torch.__version__
    assert report["config"]["name"] == "tiny"
    assert report["graphs"] is None
    assert set(report["step"]["batches"]) == set(report["end_to_end"]["streams"]) == {"1", "2"}
    row: dict[str, Any] = report["step"]["batches"]["2"]
    assert set(row) == {"p50_ms", "p95_ms", "frames_per_s", "share_of_bandwidth"}
    assert set(report["generate"]["same_sampling"]) == {
        *("decoder_frames_per_s", "generate_frames_per_s", "ratio", "ratios"),
    }
    assert [(row["frames"], row["batch"]) for row in report["codec"]] == [(24, 1), (24, 2), (84, 1), (84, 2)]
    found = list(figures(report))
    assert found
    assert all(math.isfinite(figure) and figure > 0 for figure in found)


def test_table(report: Report) -> None:
    """The table has the figures of every batch size."""
    text = table(report)
    for figure in (report["end_to_end"]["first_pcm_ms"], report["step"]["batches"]["2"]["frames_per_s"]):
        assert f"{figure:.1f}" in text
    with_graphs = report | {"graphs": {"capture_s": 1.0, "equal": False, "first_difference": 3}}
    assert table(with_graphs).endswith("unequal from column 3")


def test_weights_repeat() -> None:
    """The two models of a comparison are one."""
    first, second = (random_model(TINY, torch.device("cpu"), torch.float32).state_dict() for _ in range(2))
    assert all(torch.equal(tensor, second[name]) for name, tensor in first.items())


@pytest.mark.parametrize("steps", [3, 401])
def test_steps_fit(steps: int) -> None:
    """More steps than there is room for are refused."""
    with pytest.raises(ValueError, match="4 to 400"):
        run(replace(OPTIONS, steps=steps))
