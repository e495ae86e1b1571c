"""The way from a session to a client that goes and comes back."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from backend import events
from backend.link import Link
from backend.outbox import Outbox

pytestmark = pytest.mark.virtual_time

READY = events.SessionReady("s", "t", "c", 24_000, {}, ())
FRAME = events.AudioFrame(1, 0, 0, 0, 0, bytes(480), ends_sentence=False, ends_message=False)


class Connection:
    """What has been brought to the client, and a gate that can be shut."""

    def __init__(self) -> None:
        self.told = []
        self.open = asyncio.Event()
        self.open.set()

    async def carry(self, event, at) -> bool:
        await self.open.wait()
        self.told.append(event)
        return True


async def test_who_comes_back_is_told_how_things_stand_once():
    """Older news of the session's state that got stuck is not told after the `session.ready` of the return."""
    connection, loop = Connection(), asyncio.get_running_loop()
    link = Link(lambda: None, lambda: None)
    for event in (replace(READY, engines={"stt": {"detail": "old"}}), events.EnginesChanged({}), events.Pong("kept")):
        await link.send(event, loop.time())
    await link.attach(connection.carry, READY, loop.time())
    assert connection.told == [READY, events.Pong("kept")]


async def test_what_is_taken_back_is_told_once():
    """A frame whose turn is cut while the connection is full leaves nothing lost, doubled or remembered twice."""
    connection, loop = Connection(), asyncio.get_running_loop()
    link = Link(lambda: None, lambda: None)
    link.begin(connection.carry)
    outbox = Outbox(link.send, loop.time)
    await outbox.put(events.TurnStarted(1, "Hello?", "text", ("mara",)))
    await outbox.put(events.ReplyStarted(1, 0, "m", "mara", "Mara"))
    await outbox.put(events.Pong("begun"))
    connection.open.clear()
    await outbox.put(events.ReplyText(1, 0, "Very well."))
    cut = asyncio.create_task(outbox.put(FRAME))
    await asyncio.sleep(1)
    cut.cancel()
    await asyncio.wait((cut,))
    connection.open.set()
    await outbox.put(events.Pong("over"))
    words = [event.delta for event in connection.told if isinstance(event, events.ReplyText)]
    assert words == ["Very well."]
    assert FRAME not in connection.told
    await link.attach(connection.carry, READY, loop.time())
    assert connection.told[-1].newest.replies[0].text == "Very well."
