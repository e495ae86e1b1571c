"""Loading and using an engine."""

from __future__ import annotations

import gc
import sys
from contextlib import suppress
from types import SimpleNamespace

import numpy as np
import pytest

import boson_multimodal.tts
from boson_multimodal.tts.base import EngineBusy
from tests.boson_multimodal.tts.engine import Engine, Weights, in_threads, join


def test_the_first_use_loads() -> None:
    """Nothing is loaded before, and only once for all that follows."""
    engine = Engine()
    assert not engine.loaded
    assert len(engine.generate(3)) == 3
    assert engine.loaded
    engine.generate(2)
    engine.load_model()
    assert engine.loads == 1
    assert engine.users == 0


def test_pieces_are_joined_in_order() -> None:
    """`generate` gives all that the model makes and nothing else, in one piece; of nothing it makes silence."""
    engine = Engine()
    said = engine.generate(7)
    assert said.dtype == np.float32
    assert said.tolist() == Weights().table[:7].tolist()
    assert [piece.tolist() for piece in engine.stream(2)] == [[said[0]], [said[1]]]
    assert engine.generate(0).shape == (0,)


def test_first_users_at_once_load_once() -> None:
    """Whoever comes while the model is being loaded waits for it."""
    engine = Engine()
    engine.may_load.clear()
    threads, results = in_threads(8, lambda: len(engine.generate(5)))
    assert engine.begun.wait(10)
    engine.may_load.set()
    join(threads)
    assert results == [5] * 8
    assert engine.loads == 1


def test_a_failed_load_can_be_tried_again() -> None:
    """The error reaches who asked; the engine is not in use by it, and the next call loads."""
    engine = Engine()
    engine.failures = 1
    with pytest.raises(OSError, match="the disk is gone"):
        engine.generate(1)
    assert not engine.loaded
    assert engine.users == 0
    engine.unload_model()
    assert len(engine.generate(1)) == 1
    assert engine.loads == 2


def test_who_waited_for_a_failed_load_tries_again() -> None:
    """One failure is one user's: the next in the queue loads for the others."""
    engine = Engine()
    engine.failures = 1
    engine.may_load.clear()
    threads, results = in_threads(4, lambda: len(engine.generate(2)))
    assert engine.begun.wait(10)
    engine.may_load.set()
    join(threads)
    assert sum(isinstance(result, OSError) for result in results) == 1
    assert results.count(2) == 3
    assert engine.loads == 2
    assert engine.users == 0


def test_a_stream_that_is_left_is_no_use() -> None:
    """Closing it, dropping it and an error in its reader all end the use; one never begun was none."""
    engine = Engine()
    closed, dropped, never = engine.stream(3), engine.stream(3), engine.stream(3)
    next(closed)
    next(dropped)
    assert engine.users == 2
    closed.close()  # pyright: ignore
    assert engine.users == 1
    del dropped
    gc.collect()
    assert engine.users == 0
    with pytest.raises(KeyError), engine.in_use():
        assert engine.users == 1
        raise KeyError
    assert engine.users == 0
    engine.unload_model()
    assert len(list(never)) == 3
    assert engine.loads == 2


def test_loading_is_a_use() -> None:
    """A model that is about to be there is not unloaded behind the back of who waits for it."""
    engine = Engine()
    engine.may_load.clear()
    threads, results = in_threads(1, engine.load_model)
    assert engine.begun.wait(10)
    with pytest.raises(EngineBusy):
        engine.unload_model()
    engine.may_load.set()
    join(threads)
    assert results == [None]
    assert engine.loaded


def test_uses_and_unloads_from_many_threads() -> None:
    """Whatever the order, every use gets its speech and the count comes out even."""
    engine = Engine()

    def use() -> int:
        count = 0
        for _ in range(4):
            count += len(list(engine.stream(3)))
            with suppress(EngineBusy):
                engine.unload_model()
        return count

    threads, results = in_threads(6, use)
    join(threads)
    assert results == [12] * 6
    assert engine.users == 0
    engine.unload_model()
    assert engine.living() == 0


def test_engines_are_imported_when_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """The package itself needs none of what its engines need."""
    engine = type("StepAudio2TTS", (), {})
    monkeypatch.setitem(sys.modules, "boson_multimodal.tts.step_audio2", SimpleNamespace(StepAudio2TTS=engine))  # pyright: ignore
    assert boson_multimodal.tts.StepAudio2TTS is engine
    with pytest.raises(AttributeError, match="has no attribute 'Missing'"):
        _ = boson_multimodal.tts.Missing
