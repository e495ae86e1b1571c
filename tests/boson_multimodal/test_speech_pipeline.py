"""How far the model may run ahead of a voice and a listener that are slow."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from functools import partial

import pytest

from boson_multimodal.parser import ParserEvent
from boson_multimodal.speech_answers import TranscriptDelta
from boson_multimodal.speech_pipeline import EVENTS_AHEAD, SpeechPipeline


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


async def silence(taken: asyncio.Event, codes: asyncio.Queue):
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
    async with aclosing(pipeline.run(model.write(), partial(silence, taken))) as events:
        assert await anext(events) == TranscriptDelta("Hi")
        await taken.wait()
        await turns()
        assert (model.written, model.closed) == (9, False)
    assert model.closed


async def test_the_model_does_not_run_ahead_of_the_listener():
    """A listener that takes nothing stops the reading after as many events as may wait."""
    pipeline, model, taken = SpeechPipeline(codes_ahead=8), Model(ParserEvent("text", "x")), asyncio.Event()
    async with aclosing(pipeline.run(model.write(), partial(silence, taken))) as events:
        assert await anext(events) == TranscriptDelta("Hi")
        await turns()
        assert model.written == EVENTS_AHEAD + 1
    assert model.closed


@pytest.mark.parametrize("failing", ["model", "voice"])
async def test_a_failure_while_closing_does_not_hold_it_up(failing, caplog):
    """Who has gone makes no room for an error; it is logged, and closing goes on."""
    pipeline, model, taken = SpeechPipeline(codes_ahead=8), Model(ParserEvent("text", "x")), asyncio.Event()

    async def breaking(stream, breaks: bool):
        try:
            async with aclosing(stream) as events:
                async for event in events:
                    yield event
        finally:
            if breaks:
                raise RuntimeError("lost at last")

    written = breaking(model.write(), failing == "model")
    async with aclosing(
        pipeline.run(written, lambda codes: breaking(silence(taken, codes), failing == "voice"))
    ) as events:
        await anext(events)
        await taken.wait()
        await turns()
    assert "lost at last" in caplog.text
