"""Giving an engine's memory back, by call and by time."""

from __future__ import annotations

import sys
import threading
from types import SimpleNamespace

import numpy as np
import pytest

from boson_multimodal.tts.base import EngineBusy, timer
from tests.boson_multimodal.tts.engine import Clock, Engine, in_threads, join


def test_a_live_stream_keeps_the_model() -> None:
    """Unloading under a stream is refused and does it no harm; once it has ended it works."""
    engine = Engine()
    expected = engine.generate(3)
    stream = engine.stream(3)
    pieces = [next(stream)]
    with pytest.raises(EngineBusy, match="in use by 1"):
        engine.unload_model()
    assert engine.loaded
    assert np.array_equal(np.concatenate([*pieces, *stream]), expected)
    engine.unload_model()
    assert not engine.loaded
    assert engine.living() == 0


def test_unloading_may_wait() -> None:
    """With `wait` it happens as soon as the last stream has ended."""
    engine = Engine()
    streams = [engine.stream(2) for _ in range(2)]
    for stream in streams:
        next(stream)
    threads, results = in_threads(1, lambda: engine.unload_model(wait=True))
    list(streams[0])
    assert engine.loaded
    list(streams[1])
    join(threads)
    assert results == [None]
    assert not engine.loaded


def test_waiting_has_an_end() -> None:
    """After the time that was given the engine is busy after all."""
    engine = Engine()
    with engine.in_use(), pytest.raises(EngineBusy):
        engine.unload_model(wait=True, timeout_s=0.0)
    assert engine.loaded


def test_an_idle_model_is_unloaded() -> None:
    """So long after the last use, and not before."""
    clock = Clock()
    engine = Engine(idle_ttl_s=60.0, schedule=clock)
    engine.generate(1)
    clock.advance(59.0)
    engine.generate(1)
    clock.advance(59.0)
    assert engine.loaded
    clock.advance(1.0)
    assert not engine.loaded
    assert engine.living() == 0
    assert len(engine.generate(4)) == 4
    assert engine.loads == 2


def test_a_model_in_use_is_not_idle() -> None:
    """Time does not count while a stream is open, even if another use has ended meanwhile."""
    clock = Clock()
    engine = Engine(idle_ttl_s=60.0, schedule=clock)
    stream = engine.stream(2)
    next(stream)
    engine.generate(1)
    assert not clock.due
    clock.advance(1000.0)
    assert engine.loaded
    list(stream)
    clock.advance(60.0)
    assert not engine.loaded


def test_a_timer_that_is_too_late_does_nothing() -> None:
    """One that goes off in spite of being cancelled neither unloads a model in use nor one used since."""
    clock = Clock()
    clock.cancelling = False
    engine = Engine(idle_ttl_s=60.0, schedule=clock)
    engine.generate(1)
    clock.advance(59.0)
    with engine.in_use():
        clock.advance(1.0)
        assert engine.loaded
    clock.advance(30.0)
    engine.generate(1)
    clock.advance(59.0)
    assert engine.loaded
    clock.advance(1.0)
    assert not engine.loaded


def test_one_timer_at_a_time() -> None:
    """However often it is used, one thing is due, and nothing once the model is gone."""
    clock = Clock()
    engine = Engine(idle_ttl_s=60.0, schedule=clock)
    for _ in range(20):
        engine.generate(1)
    assert len(clock.due) == 1
    engine.unload_model()
    assert not clock.due


def test_without_a_time_it_stays() -> None:
    """Nothing is scheduled unless an idle time is given."""
    clock = Clock()
    engine = Engine(schedule=clock)
    engine.generate(1)
    assert clock.made == 0
    assert engine.loaded


def test_the_timer_of_its_own() -> None:
    """Without a schedule given a thread waits; cancelled, it never acts, and it keeps no process alive."""
    acted = threading.Event()
    timer(0.0, acted.set)
    assert acted.wait(10)
    before = set(threading.enumerate())
    cancel = timer(1000.0, acted.clear)
    (waiting,) = set(threading.enumerate()) - before
    assert waiting.daemon
    cancel()
    waiting.join(10)
    assert not waiting.is_alive()
    assert acted.is_set()


def test_nothing_is_left_behind() -> None:
    """Fifty times loaded and unloaded: no model stays in memory, and the speech is the same each time."""
    engine = Engine(idle_ttl_s=60.0, schedule=Clock())
    expected = engine.generate(100)
    for _ in range(50):
        assert np.array_equal(np.concatenate(list(engine.stream(100))), expected)
        engine.unload_model()
        assert engine.living() == 0
    assert len(engine.alive) == 50


def test_unloading_twice_is_nothing() -> None:
    """Without a model there is nothing to do and nothing to complain of."""
    engine = Engine()
    engine.unload_model()
    engine.load_model()
    engine.unload_model()
    engine.unload_model()
    assert engine.loads == 1


def test_memory_of_the_gpu_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where torch has a GPU its cache is emptied, after the model is gone."""
    engine = Engine()
    living: list[int] = []
    cuda = SimpleNamespace(is_available=lambda: True, empty_cache=lambda: living.append(engine.living()))
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=cuda))  # pyright: ignore
    engine.load_model()
    engine.unload_model()
    assert living == [0]
