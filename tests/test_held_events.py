"""Events that wait until it is certain that they happened."""

import asyncio

import pytest

from backend.events import AudioFrame, ReplyText
from backend.held_events import HeldEvents

pytestmark = pytest.mark.virtual_time

FRAME = AudioFrame(1, 0, 0, 0, 0, b"\0\0", False, False)


async def test_what_was_held_comes_first_and_in_order():
    """Captions made ahead are seen in their order, before what is made later, and audio after all of them."""
    seen = []

    async def emit(event):
        await asyncio.sleep(0.01)  # a slow client: more is put while the held events go out
        seen.append(event)

    held = HeldEvents(emit)
    await held.put(ReplyText(1, 0, "a"))
    sound = asyncio.create_task(held.put(FRAME))
    await held.put(ReplyText(1, 0, "b"))
    await asyncio.sleep(1)
    assert seen == []
    release = asyncio.create_task(held.release())
    await asyncio.sleep(0.015)
    await held.put(ReplyText(1, 0, "c"))
    await asyncio.gather(release, sound)
    await held.put(ReplyText(1, 0, "d"))
    assert [event.delta if isinstance(event, ReplyText) else "sound" for event in seen] == ["a", "b", "c", "sound", "d"]
