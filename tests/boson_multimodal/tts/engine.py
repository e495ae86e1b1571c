"""An engine that only counts, time that goes when it is told to, and threads."""

from __future__ import annotations

import threading
import weakref
from typing import TYPE_CHECKING

import numpy as np

from boson_multimodal.tts.base import BaseTTSEngine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray


class Weights:
    """A model: a table of random numbers that has a circle of references, as modules have."""

    def __init__(self) -> None:
        self.table = np.random.default_rng(0).standard_normal(100).astype(np.float32)
        self.itself = self


class Clock:
    """Time that goes when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0
        self.due: dict[int, tuple[float, Callable[[], None]]] = {}
        self.made = 0
        self.cancelling = True

    def __call__(self, delay_s: float, action: Callable[[], None], /) -> Callable[[], None]:
        """Schedule."""
        self.made += 1
        key = self.made
        self.due[key] = (self.now + delay_s, action)

        def cancel() -> None:
            if self.cancelling:
                self.due.pop(key, None)

        return cancel

    def advance(self, seconds: float) -> None:
        """Let time go by, and what is due happen."""
        self.now += seconds
        for key, (at, action) in sorted(self.due.items()):
            if at <= self.now:
                del self.due[key]
                action()


class Engine(BaseTTSEngine[Weights, int]):
    """Speaks the first numbers of its table, one a piece."""

    def __init__(self, **options: object) -> None:
        super().__init__(**options)  # pyright: ignore[reportArgumentType]
        self.loads = 0
        self.alive: list[weakref.ref[Weights]] = []
        self.may_load = threading.Event()
        self.may_load.set()
        self.begun = threading.Event()
        self.failures = 0

    def _load(self) -> Weights:
        self.loads += 1
        self.begun.set()
        assert self.may_load.wait(10)
        if self.failures:
            self.failures -= 1
            raise OSError("the disk is gone")
        model = Weights()
        self.alive.append(weakref.ref(model))
        return model

    def _stream(self, model: Weights, request: int) -> Iterator[NDArray[np.float32]]:
        for k in range(request):
            yield model.table[k : k + 1].copy()

    def living(self) -> int:
        """Models that are still in memory."""
        return sum(reference() is not None for reference in self.alive)


def in_threads(count: int, action: Callable[[], object]) -> tuple[list[threading.Thread], list[object]]:
    """Threads that have begun, and the list to which each adds its result or its error."""
    results: list[object] = []

    def run() -> None:
        try:
            results.append(action())
        except Exception as error:
            results.append(error)

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    return threads, results


def join(threads: list[threading.Thread]) -> None:
    """Wait for threads, which must end."""
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()
