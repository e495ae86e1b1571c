"""What several engines' tests need."""

from __future__ import annotations

import pytest

from boson_multimodal.tiny_checkpoint import write_tiny_checkpoint


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The folder of a tiny Higgs model with its codec."""
    folder = tmp_path_factory.mktemp("higgs")
    write_tiny_checkpoint(folder)
    return str(folder)
