"""The weights of the flow from `flow.pt`, strictly by name and shape."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from boson_multimodal.model.higgs_audio.loading import CheckpointError
from boson_multimodal.model.step_audio2.flow import Flow

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from boson_multimodal.model.step_audio2.config import FlowConfig


UNREADABLE = (
    *(OSError, RuntimeError, EOFError, LookupError),
    *(TypeError, ValueError, AttributeError, pickle.UnpicklingError),
)
"""What `torch.load` raises for files that hold no weights, or are damaged."""


def load_flow(
    path: Path,
    config: FlowConfig,
    device: str | torch.device = "cpu",
    dtype: torch.dtype = torch.float32,
) -> Flow:
    """The flow in the file `path`, for inference, with all its parameters on `device` in `dtype`.

    Raises `CheckpointError` for a file that is no dictionary of tensors, and for tensors that are missing, unexpected
    or of another shape than `config` says. Nothing but tensors is unpickled.
    """
    # Without memory for parameters until the checkpoint's own take their place.
    with torch.device("meta"):
        flow = Flow(config)
    tensors = _read(path)
    due = flow.state_dict()
    _refuse(path, "lacks", due.keys() - tensors.keys())
    _refuse(path, "has unexpected", tensors.keys() - due.keys())
    for name, slot in due.items():
        if tensors[name].shape != slot.shape:
            found, wanted = tuple(tensors[name].shape), tuple(slot.shape)
            raise CheckpointError(f"{path}: the tensor {name} has the shape {found}; by flow.yaml it has {wanted}")
    flow.load_state_dict({name: tensors.pop(name).to(device, dtype) for name in due}, assign=True)
    return flow.eval().requires_grad_(False)


def _read(path: Path) -> dict[str, Tensor]:
    try:
        tensors = torch.load(path, map_location="cpu", weights_only=True)
    except UNREADABLE as error:
        reason = str(error).partition("\n")[0]
        raise CheckpointError(
            f"{path} cannot be read as weights ({reason}); take flow.pt from the checkpoint's folder token2wav"
        ) from error
    if not isinstance(tensors, dict) or not all(isinstance(tensor, Tensor) for tensor in tensors.values()):
        raise CheckpointError(f"{path} holds no dictionary of tensors; take flow.pt from the checkpoint")
    return tensors


def _refuse(path: Path, what: str, names: Iterable[str]) -> None:
    listed = sorted(names)
    if listed:
        more = ", ..." if len(listed) > 8 else ""
        raise CheckpointError(
            f"{path} {what} {len(listed)} tensors ({', '.join(listed[:8])}{more}); "
            "download it again, with the flow.yaml beside it"
        )
