"""From an engine's thread to one asyncio consumer: items in order, then an end or an error."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class ThreadChannel(Generic[T]):
    """Created in the consumer's event loop. `put`, `close` and `fail` never block and may be called from any thread;
    items put in a burst wake the loop once."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._items: deque[T] = deque()
        self._something = asyncio.Event()
        self._woken = False
        self._closed = False
        self._error: BaseException | None = None

    @property
    def closed(self) -> bool:
        """Nothing will be put any more."""
        return self._closed

    def put(self, item: T) -> None:
        """Pass `item` on."""
        self._items.append(item)
        self._wake()

    def close(self) -> None:
        """Nothing follows."""
        self._closed = True
        self._wake()

    def fail(self, error: BaseException) -> None:
        """The consumer gets `error` after the items put before it; `close` still has to follow."""
        self._error = error
        self._wake()

    async def get(self) -> T | None:
        """The next item, None at the end. Raises the error passed to `fail`."""
        while True:
            # Read before the items are looked at: what was put before the end is not lost.
            ended, error = self._closed, self._error
            if self._items:
                return self._items.popleft()
            if error is not None:
                raise error
            if ended:
                return None
            await self._something.wait()
            self._something.clear()

    async def wait_closed(self) -> None:
        """Until the engine has let go of it, also when the waiting task is cancelled meanwhile."""
        cancelled: asyncio.CancelledError | None = None
        while not self._closed:
            try:
                await self._something.wait()
            except asyncio.CancelledError as error:
                cancelled = error
            self._something.clear()
        if cancelled is not None:
            raise cancelled

    def _wake(self) -> None:
        if not self._woken:
            self._woken = True
            with contextlib.suppress(RuntimeError):  # the consumer's loop is closed: nobody is listening any more
                self._loop.call_soon_threadsafe(self._notice)

    def _notice(self) -> None:
        self._woken = False
        self._something.set()
