"""One tiny vocoder for all tests of this folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from boson_multimodal.model.step_audio2.tiny_vocoder import write_tiny_vocoder

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A token2wav folder with a tiny vocoder and stand-ins for the networks; not to be changed."""
    written = tmp_path_factory.mktemp("token2wav")
    write_tiny_vocoder(written)
    return written


@pytest.fixture
def weights(folder: Path) -> dict[str, Tensor]:
    """The tiny vocoder's tensors by their names."""
    return torch.load(folder / "hift.pt", weights_only=True)
