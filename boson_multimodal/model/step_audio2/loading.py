"""The flow and the vocoder from the files of a `token2wav` folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from boson_multimodal.model.step_audio2.flow import Flow
from boson_multimodal.model.step_audio2.hift import Hift, HiftConfig
from boson_multimodal.model.weights import CheckpointError, fill, read_tensors

if TYPE_CHECKING:
    from pathlib import Path

    from boson_multimodal.model.step_audio2.config import FlowConfig

HIFT_FILES = ("hift_original.pt", "hift.pt")
"""The files that may hold the vocoder, the first that is there. Where the first is, the second holds a causal vocoder
of the same family."""


def load_flow(
    path: Path,
    config: FlowConfig,
    device: str | torch.device = "cpu",
    dtype: torch.dtype = torch.float32,
) -> Flow:
    """The flow in the file `path`, for inference, with all its parameters on `device` in `dtype`.

    Raises `CheckpointError` for a file that is no dictionary of tensors, or one of others than `config` says.
    """
    # Without memory for parameters until the file's own take their place.
    with torch.device("meta"):
        flow = Flow(config)
    fill(flow, read_tensors(path), path, "download it again, with the flow.yaml beside it")
    return flow.to(device, dtype).eval().requires_grad_(False)


def load_hift(folder: Path, device: str | torch.device = "cpu") -> Hift:
    """The vocoder of a `token2wav` folder, in fp32, for inference. How wide its layers are is read off the file.

    Raises `CheckpointError` when there is none, or one of another kind.
    """
    file = next((folder / name for name in HIFT_FILES if (folder / name).is_file()), None)
    if file is None:
        raise CheckpointError(f"{folder} holds no {' or '.join(HIFT_FILES)}; give the token2wav folder of the model")
    tensors = {_current_name(name): tensor for name, tensor in read_tensors(file).items()}
    with torch.device("meta"):
        hift = Hift(_config_of(tensors, file))
    fill(hift, tensors, file, f"put the original vocoder beside it as {HIFT_FILES[0]}")
    hift.window = nn.Buffer(torch.hann_window(hift.config.n_fft), persistent=False)
    return hift.float().fold_weight_norm().to(device).eval().requires_grad_(False)


def _current_name(name: str) -> str:
    """The name of a tensor without the prefix of the training, and by the newer spelling of weight norm."""
    name = name.removeprefix("generator.")
    for old, new in (("weight_g", "original0"), ("weight_v", "original1")):
        if name.endswith(f".{old}"):
            return name.removesuffix(old) + f"parametrizations.weight.{new}"
    return name


def _config_of(tensors: dict[str, Tensor], file: Path) -> HiftConfig:
    """The configuration with the widths of the tensors."""
    try:
        base = tensors["conv_pre.parametrizations.weight.original1"].shape[0]
        return HiftConfig(base_channels=base, f0_channels=tensors["f0_predictor.classifier.weight"].shape[1])
    except (KeyError, IndexError) as error:
        raise CheckpointError(
            f"{file} does not hold the weights of Hift, it lacks {error}; "
            f"put the original vocoder beside it as {HIFT_FILES[0]}"
        ) from error
