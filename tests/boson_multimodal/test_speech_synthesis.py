"""Codes are turned into sound in threads, of which none is left behind."""

from __future__ import annotations

import asyncio
import threading
from contextlib import aclosing

from boson_multimodal.speech_synthesis import speak
from tests.boson_multimodal.fake_voice import FakeVoice, sound


async def test_many_codes_are_given_in_parts():
    """A backlog does not make the first of it wait for the last, and arrives whole."""
    codes: asyncio.Queue[int | None] = asyncio.Queue()
    for code in [*range(60), None]:
        codes.put_nowait(code)
    async with aclosing(speak(FakeVoice(lookahead=0), codes, None, None)) as pieces:
        heard = [piece async for piece in pieces]
    assert [len(piece) // (2 * 960) for piece in heard] == [25, 25, 10]
    assert b"".join(heard) == sound(list(range(60)))


async def test_a_stream_opened_for_nobody_is_closed():
    """A listener that goes while the voice is being opened leaves no voice behind."""

    class SlowVoice(FakeVoice):
        def open_stream(self, voice, seed=None):
            self.pushing.set()
            assert self.gate is not None
            assert self.gate.wait(20)
            return super().open_stream(voice, seed)

    voice = SlowVoice(gate=threading.Event())
    task = asyncio.create_task(anext(speak(voice, asyncio.Queue(), None, None)))
    await asyncio.to_thread(voice.pushing.wait, 20)
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()
    voice.gate.set()
    await asyncio.wait([task])
    assert task.cancelled()
    assert (len(voice.opened), voice.closed) == (1, 1)
