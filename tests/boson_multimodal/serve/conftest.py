"""One engine on the tiny checkpoint for all tests of this folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from boson_multimodal.serve.serve_engine import HiggsAudioServeEngine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from boson_multimodal.tiny_checkpoint import TinyCheckpoint


@pytest.fixture(scope="session")
def engine(tiny: TinyCheckpoint) -> Iterator[HiggsAudioServeEngine]:
    """Four utterances at once, on the CPU."""
    made = HiggsAudioServeEngine(str(tiny.model), str(tiny.codec), device="cpu", max_streams=4)
    yield made
    made.close()
