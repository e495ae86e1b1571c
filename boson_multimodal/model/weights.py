"""Tensors of a checkpoint: read without running anything, and put into modules strictly by name and shape."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from pathlib import Path

_UNREADABLE = (
    *(OSError, RuntimeError, EOFError, LookupError),
    *(TypeError, ValueError, AttributeError, pickle.UnpicklingError),
)
"""What `torch.load` raises for files that hold no weights, or are damaged."""

_SHOWN = 3


class CheckpointError(RuntimeError):
    """A checkpoint is missing, incomplete or of a kind this package does not know; the message says what to do."""


def read_tensors(file: Path) -> dict[str, Tensor]:
    """The tensors of a file that torch has saved, by name, on the CPU. Nothing but tensors is unpickled.

    Raises `CheckpointError` for a file that is missing or damaged, and for one of anything else.
    """
    try:
        tensors = torch.load(file, map_location="cpu", weights_only=True)
    except _UNREADABLE as error:
        reason = str(error).partition("\n")[0]
        raise CheckpointError(f"{file} cannot be read as weights ({reason}); download it again") from error
    if not isinstance(tensors, dict) or not all(isinstance(tensor, Tensor) for tensor in tensors.values()):
        raise CheckpointError(f"{file} holds no dictionary of tensors; download it again")
    return tensors


def fill(module: nn.Module, tensors: dict[str, Tensor], source: Path, advice: str) -> None:
    """Make `tensors` themselves the parameters of `module`, which may be on the meta device until then.

    Raises `CheckpointError` for tensors that are missing, unexpected, of another shape than the module's, or whole
    numbers in place of fractions; the message names the `source` and the first of them, and ends with the `advice`.
    """
    due = module.state_dict()
    wrong = [f"{name} is missing" for name in due.keys() - tensors.keys()]
    wrong += [f"{name} is unexpected" for name in tensors.keys() - due.keys()]
    wrong += [
        f"{name} has the shape {tuple(tensors[name].shape)}, not {tuple(slot.shape)}"
        for name, slot in due.items()
        if name in tensors and tensors[name].shape != slot.shape
    ]
    wrong += [
        f"{name} has the type {tensors[name].dtype}, not {slot.dtype}"
        for name, slot in due.items()
        if name in tensors and tensors[name].is_floating_point() != slot.is_floating_point()
    ]
    if wrong:
        shown = "; ".join(sorted(wrong)[:_SHOWN]) + ("; ..." if len(wrong) > _SHOWN else "")
        raise CheckpointError(
            f"{source} does not hold the weights of {type(module).__name__}, {len(wrong)} tensors differ ({shown}); "
            f"{advice}"
        )
    module.load_state_dict(tensors, assign=True)
