"""The life of an engine: its model is loaded at the first use, counted while in use, and given back when idle."""

from __future__ import annotations

import gc
import sys
import threading
from abc import ABC, abstractmethod
from contextlib import contextmanager
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from numpy.typing import NDArray

Model = TypeVar("Model")
Request = TypeVar("Request")


class EngineBusy(RuntimeError):
    """The model is in use: it cannot be unloaded now, or cannot take more."""


class Schedule(Protocol):
    """Calls something later, on any thread."""

    def __call__(self, delay_s: float, action: Callable[[], None], /) -> Callable[[], None]:
        """Have `action` called in `delay_s` seconds; what is returned cancels that, and may be called too late."""
        ...


def timer(delay_s: float, action: Callable[[], None], /) -> Callable[[], None]:
    """A thread that waits, and does not keep the process alive."""
    thread = threading.Timer(delay_s, action)
    thread.daemon = True
    thread.start()
    return thread.cancel


class BaseTTSEngine(ABC, Generic[Model, Request]):
    """Speech from requests, by a model that a subclass loads and runs. Thread-safe as far as the subclass is.

    The model is a use's own while `in_use` lasts; whoever keeps it longer keeps its memory.
    """

    def __init__(self, *, idle_ttl_s: float | None = None, schedule: Schedule = timer) -> None:
        """`idle_ttl_s` seconds after the last use the model is unloaded, counted by `schedule`; None leaves it."""
        self._idle_ttl_s = idle_ttl_s
        self._schedule = schedule
        self._model: Model | None = None
        self._users = 0
        self._loading = False
        self._cancel_idle: Callable[[], None] | None = None
        self._idle_period = 0
        # Reentrant: garbage collection may close a stream, which then ends its use, at any point.
        self._changed = threading.Condition(threading.RLock())

    @property
    def loaded(self) -> bool:
        """Whether the model is in memory."""
        return self._model is not None

    @property
    def users(self) -> int:
        """How many uses there are now, loading included."""
        return self._users

    def load_model(self) -> None:
        """Load the model now, if it is not. Blocks. Raises what loading raises; another call tries again."""
        with self.in_use():
            pass

    def unload_model(self, *, wait: bool = False, timeout_s: float | None = None) -> None:
        """Drop the model and give its memory back; the next use loads it again. Nothing happens when it is not loaded.

        Raises `EngineBusy` while it is in use; with `wait` only if it still is after `timeout_s` seconds (None: waits
        for good). New uses are not kept out meanwhile.
        """
        with self._changed:
            if wait:
                self._changed.wait_for(lambda: self._users == 0, timeout_s)
            if self._users:
                raise EngineBusy(
                    f"the model is in use by {self._users} (streams that are open, or loading); "
                    "close them, or unload with wait=True"
                )
            self._unload()

    @contextmanager
    def in_use(self) -> Generator[Model]:
        """The model, loaded if need be, and not unloaded until the end of the block.

        Uses that begin while it is being loaded wait for that; if it fails, each tries again.
        """
        model = self._acquire()
        try:
            yield model
        finally:
            del model
            self._release()

    def generate(self, request: Request) -> NDArray[np.float32]:
        """The whole speech of a request, the samples of `stream` in one piece. Blocks."""
        pieces = list(self.stream(request))
        return np.concatenate(pieces) if pieces else np.empty(0, np.float32)

    def stream(self, request: Request) -> Iterator[NDArray[np.float32]]:
        """The same piece by piece. The model is in use from the first piece to the last, or until the iterator is
        closed."""
        with self.in_use() as model:
            yield from self._stream(model, request)

    @abstractmethod
    def _load(self) -> Model:
        """A new model. Called by one thread at a time."""

    @abstractmethod
    def _stream(self, model: Model, request: Request) -> Iterator[NDArray[np.float32]]:
        """See `stream`. May be called by several threads at once."""

    def _close(self, model: Model) -> None:
        """End what a model has running, if anything, before it is dropped."""

    def _acquire(self) -> Model:
        with self._changed:
            self._users += 1
            self._stop_idling()
            try:
                self._changed.wait_for(lambda: not self._loading)
                if self._model is not None:
                    return self._model
                self._loading = True
            except BaseException:
                self._release()
                raise
        loaded: Model | None = None
        try:
            loaded = self._load()
            return loaded
        finally:
            with self._changed:
                self._model = loaded
                self._loading = False
                self._changed.notify_all()
                if loaded is None:
                    self._release()

    def _release(self) -> None:
        with self._changed:
            self._users -= 1
            if self._users == 0:
                self._changed.notify_all()
                if self._model is not None and self._idle_ttl_s is not None:
                    period = self._idle_period
                    self._cancel_idle = self._schedule(self._idle_ttl_s, lambda: self._idled(period))

    def _stop_idling(self) -> None:
        self._idle_period += 1
        if self._cancel_idle is not None:
            self._cancel_idle()
            self._cancel_idle = None

    def _idled(self, period: int) -> None:
        """Unload, unless there has been a use since the idle `period` began: cancelling may have come too late."""
        with self._changed:
            if self._users == 0 and self._idle_period == period:
                self._unload()

    def _unload(self) -> None:
        self._stop_idling()
        if self._model is None:
            return
        self._close(self._model)
        self._model = None
        gc.collect()
        torch = sys.modules.get("torch")
        if torch is not None and torch.cuda.is_available():
            torch.cuda.empty_cache()
