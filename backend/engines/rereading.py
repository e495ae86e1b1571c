"""For recognisers that cannot listen, only read: the whole recording goes in, its text comes out."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from backend.engines.interfaces import Pause, Transcript
from backend.engines.tasks import stop
from backend.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine


async def reread(
    audio: AsyncIterator[bytes | Pause], read: Callable[[bytes], Coroutine[None, None, str]]
) -> AsyncGenerator[Transcript]:
    """The transcripts of an utterance by `read`, which is given all of it so far: at every pause, and at the end unless
    that was the last pause.

    A reading under way when speech goes on is broken off. One that fails at a pause is tried again at the end.
    """
    said, pauses, owed = bytearray(), 0, False
    reading: asyncio.Task[str] | None = None
    coming = asyncio.create_task(_next(audio))
    try:
        while True:
            watched = {coming, reading} if reading is not None and owed else {coming}
            await asyncio.wait(watched, return_when=asyncio.FIRST_COMPLETED)
            if owed and reading is not None and reading.done():
                owed = False
                if (text := _text(reading)) is None:
                    reading = None
                else:
                    yield Transcript(text, final=False, pauses=pauses)
            if not coming.done():
                continue
            match coming.result():
                case None:
                    break
                case Pause():
                    pauses, owed = pauses + 1, True
                    reading = reading or asyncio.create_task(read(bytes(said)))
                case pcm:
                    said += pcm
                    if reading is not None:
                        await stop(reading)
                    reading, owed = None, False
            coming = asyncio.create_task(_next(audio))
        reading = reading or asyncio.create_task(read(bytes(said)))
        yield Transcript(await reading, final=True)
    finally:
        await stop(coming, reading)


async def _next(audio: AsyncIterator[bytes | Pause]) -> bytes | Pause | None:
    return await anext(audio, None)


def _text(reading: asyncio.Task[str]) -> str | None:
    """What was read; `None` when it failed."""
    try:
        return reading.result()
    except EngineError:
        return None
