from __future__ import annotations

import asyncio
import threading

import pytest

from boson_multimodal.serve.channel import ThreadChannel


async def drained(channel: ThreadChannel[int]) -> list[int]:
    found = []
    while (item := await channel.get()) is not None:
        found.append(item)
    return found


async def test_items_from_a_thread_come_in_order() -> None:
    """Nothing a thread puts is lost or overtaken, however the two sides interleave."""
    channel: ThreadChannel[int] = ThreadChannel()

    def put() -> None:
        for item in range(2000):
            channel.put(item)
        channel.close()

    thread = threading.Thread(target=put)
    thread.start()
    assert await drained(channel) == list(range(2000))
    thread.join()
    assert await channel.get() is None


async def test_an_error_comes_after_the_items_before_it() -> None:
    """What was made before a failure still arrives, and then the failure does."""
    channel: ThreadChannel[int] = ThreadChannel()
    channel.put(1)
    channel.fail(RuntimeError("gone"))
    channel.close()
    assert await channel.get() == 1
    with pytest.raises(RuntimeError, match="gone"):
        await channel.get()


async def test_waiting_for_the_end_outlasts_a_cancellation() -> None:
    """A cancelled consumer still waits until the engine has let go, and is cancelled then."""
    channel: ThreadChannel[int] = ThreadChannel()
    waiting = asyncio.create_task(channel.wait_closed())
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.sleep(0)
    assert not waiting.done()
    channel.close()
    with pytest.raises(asyncio.CancelledError):
        await waiting


def test_putting_for_a_loop_that_is_gone_does_no_harm() -> None:
    """The engine's thread survives a consumer whose event loop was closed."""

    async def open_() -> ThreadChannel[int]:
        return ThreadChannel()

    channel = asyncio.run(open_())
    channel.put(1)
    channel.close()
    assert channel.closed
