"""How far the model may run ahead of a voice and a listener that are slow."""

from __future__ import annotations

import asyncio
import threading
from contextlib import aclosing

from boson_multimodal.parser import ParserEvent
from boson_multimodal.speech_answers import TranscriptDelta
from boson_multimodal.speech_pipeline import EVENTS_AHEAD, SpeechPipeline
from boson_multimodal.speech_synthesis import speak
from tests.boson_multimodal.fake_voice import FakeVoice, sound


class Model:
    """Writes words, or codes, without end, and counts them."""

    def __init__(self, event: ParserEvent) -> None:
        self.event = event
        self.written = 0
        self.closed = False

    async def write(self):
        try:
            yield ParserEvent("text", "Hi")
            yield ParserEvent("audio", (1,))
            while True:
                self.written += 1
                yield self.event
        finally:
            self.closed = True


async def silence(codes: asyncio.Queue, taken: asyncio.Event):
    """A voice that takes one code and is stuck."""
    await codes.get()
    taken.set()
    await asyncio.Event().wait()
    yield b""


async def turns() -> None:
    """As much as all tasks can do by themselves."""
    for _ in range(500):
        await asyncio.sleep(0)


async def test_the_model_does_not_run_ahead_of_the_voice():
    """A voice that is stuck stops the reading after as many codes as may wait; closing still ends both."""
    pipeline, model, taken = SpeechPipeline(codes_ahead=8), Model(ParserEvent("audio", (2,))), asyncio.Event()
    async with aclosing(pipeline.run(model.write(), silence(pipeline.codes, taken))) as events:
        assert await anext(events) == TranscriptDelta("Hi")
        await taken.wait()
        await turns()
        assert (model.written, model.closed) == (9, False)
    assert model.closed


async def test_the_model_does_not_run_ahead_of_the_listener():
    """A listener that takes nothing stops the reading after as many events as may wait."""
    pipeline, model, taken = SpeechPipeline(codes_ahead=8), Model(ParserEvent("text", "x")), asyncio.Event()
    async with aclosing(pipeline.run(model.write(), silence(pipeline.codes, taken))) as events:
        assert await anext(events) == TranscriptDelta("Hi")
        await turns()
        assert model.written == EVENTS_AHEAD + 1
    assert model.closed


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
    await turns()
    task.cancel()
    voice.gate.set()
    await asyncio.wait([task])
    assert task.cancelled()
    assert (len(voice.opened), voice.closed) == (1, 1)
