"""The bridge between threads and asyncio."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing

import pytest

from backend.engines.bridge import Stop, call_in_thread, stream_from_thread
from tests.engines.contract import drain


@pytest.fixture
def executor():
    with ThreadPoolExecutor(2) as pool:
        yield pool


@pytest.fixture
def slot():
    return asyncio.Semaphore(1)


def for_ever(put) -> None:
    number = 0
    while True:
        put(number)
        number += 1


async def test_items_arrive_in_order(executor, slot):
    """Everything a thread puts arrives, in order, and the slot is free afterwards."""

    def count(put) -> None:
        for number in range(1000):
            put(number)

    assert await drain(stream_from_thread(count, executor=executor, slot=slot)) == list(range(1000))
    assert not slot.locked()


async def test_an_error_arrives_after_the_items_before_it(executor, slot):
    """What the producer raises reaches the consumer, after what it had put."""

    def fail(put) -> None:
        put(1)
        raise ZeroDivisionError

    items = []
    with pytest.raises(ZeroDivisionError):
        async with aclosing(stream_from_thread(fail, executor=executor, slot=slot)) as stream:
            async for item in stream:
                items.append(item)
    assert items == [1]
    assert not slot.locked()


async def test_closing_stops_the_thread(executor, slot):
    """When `aclose` returns the thread has left, through its own clean-up."""
    left = threading.Event()

    def produce(put) -> None:
        try:
            for_ever(put)
        except Stop:
            left.set()
            raise

    stream = stream_from_thread(produce, executor=executor, slot=slot)
    assert await anext(stream) == 0
    assert slot.locked()
    await stream.aclose()
    assert left.is_set()
    assert not slot.locked()


async def test_closing_waits_for_a_thread_that_computes(executor, slot):
    """The slot is not given up while the thread still works, however often the waiting consumer is cancelled."""
    computing, may_go_on = threading.Event(), threading.Event()

    def produce(put) -> None:
        put(1)
        computing.set()
        may_go_on.wait()
        put(2)

    first = asyncio.Event()

    async def consume() -> None:
        async with aclosing(stream_from_thread(produce, executor=executor, slot=slot)) as stream:
            async for _ in stream:
                first.set()

    consumer = asyncio.create_task(consume())
    await first.wait()
    await asyncio.get_running_loop().run_in_executor(executor, computing.wait)
    for _ in range(3):
        consumer.cancel()
        await asyncio.wait((consumer,), timeout=0)
        assert not consumer.done()
        assert slot.locked()
    may_go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await consumer
    assert not slot.locked()


async def test_cancelling_while_waiting_for_the_slot(executor, slot):
    """A consumer that is cancelled before its turn never starts a thread and holds nothing."""
    started = threading.Event()
    holder = stream_from_thread(for_ever, executor=executor, slot=slot)
    await anext(holder)
    waiting = asyncio.create_task(drain(stream_from_thread(lambda put: started.set(), executor=executor, slot=slot)))
    await asyncio.wait((waiting,), timeout=0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await holder.aclose()
    assert not started.is_set()
    assert not slot.locked()


async def test_the_slot_bounds_the_work(executor, slot):
    """Producers beyond the slot's number wait for their turn."""
    working, most = 0, 0

    def produce(put) -> None:
        nonlocal working, most
        working += 1
        most = max(most, working)
        put(threading.get_ident())
        working -= 1

    streams = [drain(stream_from_thread(produce, executor=executor, slot=slot)) for _ in range(5)]
    assert len(await asyncio.gather(*streams)) == 5
    assert most == 1


async def test_a_call_gives_what_the_function_gives(slot):
    """Its result or its error, from another thread; the slot is free after both."""
    assert await call_in_thread(threading.get_ident, slot) != threading.get_ident()
    with pytest.raises(ZeroDivisionError):
        await call_in_thread(lambda: 1 / 0, slot)
    assert not slot.locked()


async def test_a_cancelled_call_waits_for_its_thread(slot):
    """The slot is not given up while the function still works."""
    computing, may_go_on = threading.Event(), threading.Event()

    def compute() -> None:
        computing.set()
        may_go_on.wait()

    call = asyncio.create_task(call_in_thread(compute, slot))
    await asyncio.to_thread(computing.wait)
    for _ in range(3):
        call.cancel()
        await asyncio.wait((call,), timeout=0)
        assert not call.done()
        assert slot.locked()
    may_go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert not slot.locked()


async def test_a_call_cancelled_before_its_turn_is_not_made(slot):
    """Whoever gives up in the queue costs no time of a thread."""
    called = threading.Event()
    await slot.acquire()
    call = asyncio.create_task(call_in_thread(called.set, slot))
    await asyncio.wait((call,), timeout=0)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    slot.release()
    assert not called.is_set()
    assert not slot.locked()
