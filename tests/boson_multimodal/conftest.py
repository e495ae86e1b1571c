"""A tiny checkpoint for all tests of the engine, made once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from boson_multimodal.tiny_checkpoint import TinyCheckpoint, write_tiny_checkpoint

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> TinyCheckpoint:
    """Folders of a tiny model, its codec, and their twins in the original format."""
    folder: Path = tmp_path_factory.mktemp("tiny")
    return write_tiny_checkpoint(folder)
