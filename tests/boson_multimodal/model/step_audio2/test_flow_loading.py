"""The flow's weights, strictly; and the tiny ones that stand in for them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
import torch

from boson_multimodal.model.step_audio2.config import FlowConfig, read_flow_config
from boson_multimodal.model.step_audio2.loading import load_flow
from boson_multimodal.model.step_audio2.tiny import TINY_FLOW, random_weights, write_tiny_flow
from boson_multimodal.model.weights import CheckpointError

from .flows import random_codes, random_prompt, tiny_flow

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def weights() -> dict[str, Any]:
    """The tiny flow's."""
    return random_weights(TINY_FLOW, seed=0)


def save(folder: Path, content: object) -> Path:
    """`content` as flow.pt."""
    torch.save(content, folder / "flow.pt")
    return folder / "flow.pt"


def test_a_flow_loads_and_speaks(tmp_path: Path) -> None:
    """What is written is what is loaded: the same frames as from the weights in memory."""
    config = write_tiny_flow(tmp_path)
    flow = load_flow(tmp_path / "flow.pt", read_flow_config(tmp_path / "flow.yaml"))
    assert flow.config == config == TINY_FLOW
    assert not flow.training
    assert not any(parameter.requires_grad for parameter in flow.parameters())
    codes, prompt = random_codes(5), random_prompt()
    assert torch.equal(flow.generate(codes, prompt, 3), tiny_flow().generate(codes, prompt, 3))


def test_weights_take_the_type_that_is_asked_for(tmp_path: Path) -> None:
    """A stored float32 may be loaded as half of it."""
    flow = load_flow(tmp_path / "flow.pt", write_tiny_flow(tmp_path), "cpu", torch.bfloat16)
    assert {parameter.dtype for parameter in flow.parameters()} == {torch.bfloat16}


def test_missing_weights_are_named(tmp_path: Path, weights: dict[str, Any]) -> None:
    """No parameter is ever left as it was made."""
    del weights["encoder_proj.bias"], weights["decoder.estimator.in_proj.weight"]
    message = r"2 tensors differ \(decoder\.estimator\.in_proj\.weight is missing; encoder_proj\.bias is missing\)"
    with pytest.raises(CheckpointError, match=message):
        load_flow(save(tmp_path, weights), TINY_FLOW)


def test_unexpected_weights_are_named(tmp_path: Path, weights: dict[str, Any]) -> None:
    """A checkpoint of another graph is refused, not used in part."""
    weights["decoder.estimator.pos_embed"] = torch.zeros(1)
    with pytest.raises(CheckpointError, match=r"1 tensors differ \(decoder\.estimator\.pos_embed is unexpected\)"):
        load_flow(save(tmp_path, weights), TINY_FLOW)


def test_long_lists_are_cut(tmp_path: Path) -> None:
    """Another model altogether gives a message that can be read."""
    with pytest.raises(CheckpointError, match=r"136 tensors differ \(.*; \.\.\.\); download it again") as raised:
        load_flow(save(tmp_path, {}), TINY_FLOW)
    assert len(str(raised.value)) < 1000


def test_other_shapes_are_named(tmp_path: Path, weights: dict[str, Any]) -> None:
    """Weights that do not belong to the configuration are refused with both shapes."""
    weights["encoder_proj.bias"] = torch.zeros(81)
    with pytest.raises(CheckpointError, match=r"encoder_proj\.bias has the shape \(81,\), not \(80,\)\); .*yaml"):
        load_flow(save(tmp_path, weights), TINY_FLOW)


def test_whole_numbers_are_no_weights(tmp_path: Path, weights: dict[str, Any]) -> None:
    """A quantised file is refused by name, not with an error from inside torch."""
    weights["encoder_proj.bias"] = torch.zeros(80, dtype=torch.int8)
    with pytest.raises(CheckpointError, match=r"encoder_proj\.bias has the type torch\.int8, not torch\.float32"):
        load_flow(save(tmp_path, weights), TINY_FLOW)


class Payload:
    """What a hostile file would hold: a folder is made when it is unpickled."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.folder),)


def test_nothing_is_run(tmp_path: Path) -> None:
    """A file that would run something when it is unpickled is refused, and nothing is run."""
    with pytest.raises(CheckpointError, match=r"flow\.pt cannot be read as weights"):
        load_flow(save(tmp_path, {"a": Payload(tmp_path / "made")}), TINY_FLOW)
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("content", [[1], {"a": 1}, torch.zeros(3)])
def test_files_that_hold_something_else_are_refused(tmp_path: Path, content: object) -> None:
    """Nothing but a dictionary of tensors is taken."""
    with pytest.raises(CheckpointError, match=r"flow\.pt holds no dictionary of tensors"):
        load_flow(save(tmp_path, content), TINY_FLOW)


@pytest.mark.parametrize("content", [None, b"", b"version https://git-lfs.github.com/spec/v1", b"PK\x03\x04 cut off"])
def test_files_that_are_no_weights_are_refused(tmp_path: Path, content: bytes | None) -> None:
    """A missing file, a pointer in its place or a download cut off is an error that names the file."""
    file = tmp_path / "flow.pt"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"flow\.pt cannot be read as weights"):
        load_flow(file, FlowConfig())


def test_tiny_weights_are_reproducible_and_nowhere_zero(tmp_path: Path) -> None:
    """One seed is one flow; no gate is closed, so that every part of the graph is heard."""
    first, same, other = (random_weights(TINY_FLOW, seed) for seed in (0, 0, 1))
    assert all(torch.equal(first[name], same[name]) for name in first)
    assert not any(torch.equal(first[name], other[name]) for name in first)
    assert all(tensor.abs().max() > 0 for tensor in first.values())
    write_tiny_flow(tmp_path, seed=1)
    assert torch.equal(torch.load(tmp_path / "flow.pt")["encoder_proj.bias"], other["encoder_proj.bias"])
    assert (tmp_path / "flow.pt").stat().st_size < 4_000_000
