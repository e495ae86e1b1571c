"""The codec of transformers, which ours is held against."""

from __future__ import annotations

import importlib
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import soxr
import torch
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from boson_multimodal.tiny_checkpoint import TinyCheckpoint

MODULE = "transformers.models.higgs_audio_v2_tokenizer.modeling_higgs_audio_v2_tokenizer"


def resample(samples: Tensor, rate: int, wanted: int) -> Tensor:
    """`[1, 1, samples]` at another rate, as ours does it."""
    return torch.from_numpy(soxr.resample(samples[0, 0].numpy(), rate, wanted))[None, None]


@pytest.fixture
def transformers_codec(tiny: TinyCheckpoint, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The tiny codec as a `HiggsAudioV2TokenizerModel`; a stand-in is all it needs of torchaudio."""
    stand_in = ModuleType("torchaudio")
    stand_in.__spec__ = ModuleSpec("torchaudio", None)
    stand_in.functional = SimpleNamespace(resample=resample)  # pyright: ignore[reportAttributeAccessIssue]
    monkeypatch.setitem(sys.modules, "torchaudio", stand_in)
    monkeypatch.delitem(sys.modules, MODULE, raising=False)
    model = importlib.import_module(MODULE).HiggsAudioV2TokenizerModel.from_pretrained(tiny.codec)
    with torch.no_grad():
        yield model.eval()
    sys.modules.pop(MODULE, None)
