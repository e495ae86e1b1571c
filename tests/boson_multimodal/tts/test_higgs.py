"""Higgs Audio v2 lives like every other engine."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from boson_multimodal.tts.base import BaseTTSEngine, EngineBusy
from boson_multimodal.tts.higgs import HiggsText, HiggsTTS

REQUEST = HiggsText("Good evening.", max_new_tokens=24, seed=5)


@pytest.fixture
def tts(tiny):
    """An engine that is unloaded at the end."""
    engine = HiggsTTS(str(tiny.model), str(tiny.codec), device="cpu", max_streams=2)
    yield engine
    engine.unload_model()


def test_it_loads_at_the_first_use_and_speaks_the_same_after_a_reload(tts):
    """The same seed gives the same samples in another life; piece by piece or in one."""
    assert isinstance(tts, BaseTTSEngine)
    assert not tts.loaded
    before = tts.generate(REQUEST)
    assert before.dtype == np.float32
    assert len(before) > 0
    tts.unload_model()
    assert not tts.loaded
    assert np.array_equal(np.concatenate(list(tts.stream(REQUEST))), before)


def test_an_unloaded_model_leaves_no_thread(tts):
    """Its step loop and its codec end with it."""
    before = set(threading.enumerate())
    tts.generate(REQUEST)
    assert set(threading.enumerate()) - before
    tts.unload_model()
    assert set(threading.enumerate()) <= before


def test_a_stream_that_is_broken_off_frees_its_slot(tts):
    """Whoever stops listening stops the voice, and the model can be unloaded."""
    pieces = tts.stream(HiggsText("Good evening. " * 20, seed=5))
    next(pieces)
    with pytest.raises(EngineBusy):
        tts.unload_model()
    pieces.close()
    with tts.in_use() as engine:
        assert engine.active_slots == 0
