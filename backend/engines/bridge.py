"""The one place where threads meet asyncio.

A blocking producer runs in a worker thread and hands its items to an async generator. The generator holds the
engine's slot for as long as the thread works, tells the thread to stop when the consumer leaves, waits until it has
stopped, and carries the thread's error to the consumer. A blocking function with one result is a simple call.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import threading
from typing import TYPE_CHECKING, Any, TypeVar

import anyio

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable
    from concurrent.futures import Executor

T = TypeVar("T")


class Stop(Exception):
    """Raised inside the producer's thread by `put` when the consumer has left."""


async def stream_from_thread(
    produce: Callable[[Callable[[T], None]], None], *, executor: Executor, slot: asyncio.Semaphore
) -> AsyncGenerator[T]:
    """Run `produce(put)` in `executor` and yield what it puts, in order.

    `put` never blocks, so a producer may hold a lock while it puts; it raises `Stop` once the consumer has left. A
    producer that computes for long between two puts therefore stops at its next put. What `produce` raises reaches
    the consumer after the items put before it. `slot` bounds how many producers work at once.
    """
    loop = asyncio.get_running_loop()
    stopped = threading.Event()

    async with slot:
        sender, receiver = anyio.create_memory_object_stream[T](math.inf)

        def put(item: T) -> None:
            if stopped.is_set():
                raise Stop
            loop.call_soon_threadsafe(sender.send_nowait, item)

        def work() -> None:
            try:
                with contextlib.suppress(Stop):
                    produce(put)
            finally:
                loop.call_soon_threadsafe(sender.close)

        with sender, receiver:
            done = loop.run_in_executor(executor, work)
            try:
                async for item in receiver:
                    yield item
                await done
            finally:
                stopped.set()
                await _settle(done)


async def call_in_thread(function: Callable[[], T], slot: asyncio.Semaphore) -> T:
    """What `function` returns or raises. A caller that is cancelled waits until the thread is done; one that has no
    slot yet leaves at once, and its function is not called."""
    async with slot:
        done = asyncio.get_running_loop().run_in_executor(None, function)
        await _settle(done)
        return done.result()


async def _settle(done: asyncio.Future[Any]) -> None:
    """Wait for the thread even when the waiting task is cancelled meanwhile; the cancellation is delivered after."""
    cancelled: asyncio.CancelledError | None = None
    while not done.done():
        try:
            await asyncio.wait((done,))
        except asyncio.CancelledError as error:
            cancelled = error
    if not done.cancelled():
        done.exception()
    if cancelled is not None:
        raise cancelled
