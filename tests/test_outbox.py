"""The way out to one client."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest

from backend.events import AudioFrame, EnginesChanged, Pong, ReplyText, TurnStarted
from backend.outbox import GATHER_S, Outbox

pytestmark = pytest.mark.virtual_time

STARTED = TurnStarted(1, "hello", "text", ("nora",))
WORDS = [ReplyText(1, 0, word) for word in ("one", "two", "three")]
FRAME = AudioFrame(1, 0, 0, 0, 0, b"\0\0", ends_sentence=False, ends_message=False)


@asynccontextmanager
async def outbox():
    """A running outbox, what it has sent with the time each was sent at, and a gate that can be shut."""
    loop = asyncio.get_running_loop()
    sent, gate = [], asyncio.Event()
    gate.set()

    async def send(event, at):
        await gate.wait()
        sent.append((event, at, loop.time()))

    box = Outbox(send, loop.time)
    running = asyncio.create_task(box.run())
    yield box, sent, gate
    running.cancel()
    await asyncio.wait((running,))


async def test_captions_wait_a_moment_and_keep_their_own_time():
    """An announcement is put aside while the next engine is asked, and says when it happened, not when it left."""
    async with outbox() as (box, sent, _):
        await box.put(STARTED)
        await box.put(WORDS[0])
        assert sent == []
        await asyncio.sleep(GATHER_S / 2)
        await box.put(WORDS[1])
        await asyncio.sleep(GATHER_S)
        assert [event for event, _, _ in sent] == [STARTED, *WORDS[:2]]
        assert [left - at for _, at, left in sent] == pytest.approx([GATHER_S, GATHER_S, GATHER_S / 2])


async def test_news_of_engines_is_only_noted():
    """Whoever tells of an engine that loads goes on at once, however slowly the client takes it."""
    async with outbox() as (box, sent, gate):
        gate.clear()
        await box.put(EnginesChanged({}))
        await asyncio.sleep(1)
        assert sent == []
        gate.set()
        await asyncio.sleep(0)
        assert [event for event, _, _ in sent] == [EnginesChanged({})]


async def test_audio_never_waits_and_never_overtakes():
    """A frame leaves at once, behind the captions that were put before it."""
    async with outbox() as (box, sent, _):
        await box.put(WORDS[0])
        await box.put(FRAME)
        assert [event for event, _, _ in sent] == [WORDS[0], FRAME]
        assert sent[-1][1] == sent[-1][2]


async def test_order_holds_while_a_client_is_slow():
    """Whatever several tasks put while a write is stuck leaves in the order it was put."""
    async with outbox() as (box, sent, gate):
        gate.clear()
        puts = [asyncio.create_task(box.put(event)) for event in (WORDS[0], FRAME, WORDS[1], Pong("n"), WORDS[2])]
        await asyncio.sleep(1.0)
        gate.set()
        await asyncio.gather(*puts)
        await asyncio.sleep(2 * GATHER_S)
        assert [event for event, _, _ in sent] == [WORDS[0], FRAME, WORDS[1], Pong("n"), WORDS[2]]


async def test_what_is_put_during_a_write_leaves_too():
    """A caption put while others are being written waits for its own time, not for ever."""
    async with outbox() as (box, sent, gate):
        gate.clear()
        await box.put(WORDS[0])
        await asyncio.sleep(2 * GATHER_S)
        await box.put(WORDS[1])
        gate.set()
        await asyncio.sleep(2 * GATHER_S)
        assert [event for event, _, _ in sent] == WORDS[:2]


async def test_a_cancelled_frame_is_dropped_and_nothing_else():
    """A turn that is interrupted while its frame is stuck takes the frame back, but no caption put before it."""
    async with outbox() as (box, sent, gate):
        gate.clear()
        await box.put(WORDS[0])
        stuck = asyncio.create_task(box.put(FRAME))
        await asyncio.sleep(0.1)
        stuck.cancel()
        await asyncio.wait((stuck,))
        gate.set()
        await box.put(Pong("n"))
        assert [event for event, _, _ in sent] == [WORDS[0], Pong("n")]
