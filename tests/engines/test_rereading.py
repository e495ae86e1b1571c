"""Recognisers that read whole recordings: what they are given, and when."""

from __future__ import annotations

import asyncio

import anyio
import pytest

from backend.engines.interfaces import Pause, Transcript
from backend.engines.rereading import reread
from backend.errors import EngineError

pytestmark = pytest.mark.virtual_time


class Reader:
    """Reads the number of bytes, after `seconds` of virtual time."""

    def __init__(self, seconds: float = 0.1) -> None:
        self.seconds = seconds
        self.begun: list[int] = []
        self.finished: list[int] = []
        self.failures = 0

    async def __call__(self, pcm: bytes) -> str:
        self.begun.append(len(pcm))
        await asyncio.sleep(self.seconds)
        if self.failures:
            self.failures -= 1
            raise EngineError("stt", "no")
        self.finished.append(len(pcm))
        return str(len(pcm))


async def heard(reader: Reader, *script: bytes | Pause | float) -> list[tuple[float, Transcript]]:
    """What comes out, and when, for audio, pauses and waits (seconds)."""
    sender, audio = anyio.create_memory_object_stream[bytes | Pause](100)

    async def speak() -> None:
        async with sender:
            for item in script:
                if isinstance(item, float):
                    await asyncio.sleep(item)
                else:
                    await sender.send(item)

    clock = asyncio.get_running_loop().time
    started, found = clock(), []
    async with asyncio.TaskGroup() as group, audio:
        group.create_task(speak())
        async for transcript in reread(audio, reader):
            found.append((round(clock() - started, 3), transcript))
    return found


async def test_a_pause_is_answered_while_it_lasts():
    """The text is there before the turn is decided, and deciding costs no second reading."""
    reader = Reader()
    assert await heard(reader, b"1234", Pause(), 0.5) == [
        (0.1, Transcript("4", final=False, pauses=1)),
        (0.5, Transcript("4", final=True)),
    ]
    assert reader.begun == [4]


async def test_a_pause_that_ends_early_is_the_final():
    """The end of the utterance waits for the reading under way instead of beginning another one."""
    reader = Reader()
    (at, last) = (await heard(reader, b"1234", Pause(), 0.04))[-1]
    assert (at, last) == (0.1, Transcript("4", final=True))
    assert reader.begun == [4]


async def test_speech_that_goes_on_breaks_the_reading_off():
    """No server works for an answer nobody needs, and the answer of the next pause has everything."""
    reader = Reader()
    assert await heard(reader, b"1234", Pause(), 0.05, b"56", 0.3, Pause(), 0.2) == [
        (0.45, Transcript("6", final=False, pauses=2)),
        (0.55, Transcript("6", final=True)),
    ]
    assert reader.finished == [6]


async def test_a_failure_at_a_pause_is_tried_again_at_the_end():
    """A request that was made on a guess cannot lose what was said."""
    reader = Reader()
    reader.failures = 1
    assert await heard(reader, b"1234", Pause(), 0.5) == [(0.6, Transcript("4", final=True))]
    reader.failures = 1
    with pytest.raises(ExceptionGroup) as raised:
        await heard(reader, b"1234", 0.5)
    assert raised.group_contains(EngineError, match="no")


async def test_closing_stops_the_reading():
    """A session that ends leaves no request behind."""
    reader = Reader()
    sender, audio = anyio.create_memory_object_stream[bytes | Pause](100)
    stream = reread(audio, reader)
    waiting = asyncio.create_task(anext(stream))
    sender.send_nowait(b"12")
    sender.send_nowait(Pause())
    await asyncio.sleep(0.05)
    waiting.cancel()
    await asyncio.wait((waiting,))
    await stream.aclose()
    sender.close()
    audio.close()
    assert (reader.begun, reader.finished) == ([2], [])
