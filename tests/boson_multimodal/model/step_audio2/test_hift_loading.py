"""The vocoder's weights, strictly, and by every spelling of their names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from boson_multimodal.model.step_audio2.loading import load_hift
from boson_multimodal.model.step_audio2.tiny_vocoder import TINY
from boson_multimodal.model.weights import CheckpointError

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor


def mel_frames(frames: int) -> Tensor:
    """Random mel `[1, 80, frames]`."""
    return torch.randn(1, 80, frames, generator=noise())


def noise() -> torch.Generator:
    """A generator of its own."""
    return torch.Generator().manual_seed(0)


def older_spelling(name: str) -> str:
    """A tensor's name as torch spelt weight norm before it had parametrizations."""
    return name.replace("parametrizations.weight.original0", "weight_g").replace(
        "parametrizations.weight.original1", "weight_v"
    )


@pytest.mark.parametrize(
    "spelt", [older_spelling, "generator.{}".format, lambda name: f"generator.{older_spelling(name)}"]
)
def test_every_spelling_is_the_same_vocoder(
    folder: Path, weights: dict[str, Tensor], tmp_path: Path, spelt: object
) -> None:
    """Both spellings of weight norm and the prefix of the training load to the same sound."""
    assert callable(spelt)
    torch.save({spelt(name): tensor for name, tensor in weights.items()}, tmp_path / "hift.pt")
    wave, _ = load_hift(tmp_path)(mel_frames(4), noise())
    assert torch.equal(wave, load_hift(folder)(mel_frames(4), noise())[0])


def test_the_original_vocoder_is_preferred(folder: Path, weights: dict[str, Tensor], tmp_path: Path) -> None:
    """Where a newer package put another vocoder into hift.pt, the one beside it is taken."""
    torch.save({"something": torch.zeros(1)}, tmp_path / "hift.pt")
    torch.save(weights, tmp_path / "hift_original.pt")
    wave, _ = load_hift(tmp_path)(mel_frames(2), noise())
    assert torch.equal(wave, load_hift(folder)(mel_frames(2), noise())[0])


@pytest.mark.parametrize(
    ("name", "tensor", "message"),
    [
        (
            "conv_pre.parametrizations.weight.original1",
            torch.zeros(16, 80, 5),
            r"conv_pre.*\(16, 80, 5\), not \(16, 80, 7\)",
        ),
        ("conv_post.bias", None, r"1 tensors differ \(conv_post\.bias is missing\)"),
        ("ups.3.bias", torch.zeros(1), r"ups\.3\.bias is unexpected.*hift_original\.pt"),
        ("f0_predictor.classifier.weight", None, "the weights of Hift, it lacks 'f0_predictor"),
    ],
)
def test_other_vocoders_are_refused(
    weights: dict[str, Tensor], tmp_path: Path, name: str, tensor: Tensor | None, message: str
) -> None:
    """Weights of a relative are never run as if they were HiFT's; what differs is named."""
    weights.pop(name, None)
    torch.save(weights if tensor is None else weights | {name: tensor}, tmp_path / "hift.pt")
    with pytest.raises(CheckpointError, match=message):
        load_hift(tmp_path)


def test_files_that_are_none_are_named(tmp_path: Path) -> None:
    """A missing or broken file says which, and what to do."""
    with pytest.raises(CheckpointError, match=r"hift_original\.pt or hift\.pt; give the token2wav folder"):
        load_hift(tmp_path)
    for content in (b"", b"no weights at all"):
        (tmp_path / "hift.pt").write_bytes(content)
        with pytest.raises(CheckpointError, match=r"hift\.pt cannot be read.*download it again"):
            load_hift(tmp_path)
    torch.save([1, 2], tmp_path / "hift.pt")
    with pytest.raises(CheckpointError, match=r"hift\.pt holds no dictionary of tensors"):
        load_hift(tmp_path)


def test_the_loaded_vocoder_is_ready(folder: Path) -> None:
    """No gradients, no parametrizations left to compute, widths read off the file."""
    hift = load_hift(folder)
    assert hift.config == TINY
    assert not hift.training
    assert not any(parameter.requires_grad for parameter in hift.parameters())
    assert not any("parametrizations" in name for name in hift.state_dict())


def test_halves_are_loaded_as_what_they_stand_for(weights: dict[str, Tensor], tmp_path: Path) -> None:
    """A file in half precision runs in the single precision that a waveform's phase needs."""
    torch.save({name: tensor.half() for name, tensor in weights.items()}, tmp_path / "hift.pt")
    hift = load_hift(tmp_path)
    assert {parameter.dtype for parameter in hift.parameters()} == {torch.float32}
    assert hift(mel_frames(2), noise())[0].isfinite().all()
