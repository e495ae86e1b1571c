"""One engine on the tiny checkpoint for all tests of this folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from boson_multimodal.model.higgs_audio.decoder import Decoder
from boson_multimodal.serve.serve_engine import HiggsAudioServeEngine

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np

    from boson_multimodal.tiny_checkpoint import TinyCheckpoint


@pytest.fixture(scope="session")
def engine(tiny: TinyCheckpoint) -> Iterator[HiggsAudioServeEngine]:
    """Four utterances at once, on the CPU."""
    made = HiggsAudioServeEngine(str(tiny.model), str(tiny.codec), device="cpu", max_streams=4)
    yield made
    made.close()


@pytest.fixture
def prefilled(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many positions every piece of a prompt computed from now on has."""
    counts: list[int] = []
    original = Decoder.prefill

    def counted(decoder: Decoder, slot: int, rows: np.ndarray, start: int) -> object:
        counts.append(len(rows))
        return original(decoder, slot, rows, start)

    monkeypatch.setattr(Decoder, "prefill", counted)
    return counts
