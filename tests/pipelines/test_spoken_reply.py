"""What is written is read out while it is written, and both end together."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest

from backend.audio import sample_count
from backend.engines.interfaces import Finish, OwnWords, Speech, SpeechOver, ToolCallPiece
from backend.errors import EngineError
from backend.pipelines.spoken_reply import own_reply, speak_reply
from tests.scripted import CHARACTER_S, RATE_HZ, ScriptedTextToSpeech

pytestmark = pytest.mark.virtual_time


class Writer:
    """Writes `items`; an event among them is waited for, an error raised."""

    def __init__(self, *items):
        self.items = items
        self.open = False

    async def stream(self):
        self.open = True
        try:
            for item in self.items:
                if isinstance(item, asyncio.Event):
                    await item.wait()
                elif isinstance(item, EngineError):
                    raise item
                else:
                    yield item
        finally:
            self.open = False


def spoken(writer, tts, rate_hz=RATE_HZ):
    return speak_reply(writer.stream(), tts, tts.open_voice("one"), rate_hz)


@pytest.mark.parametrize("rate_hz", [RATE_HZ, 48_000])
async def test_everything_written_and_its_speech(rate_hz):
    """Text, calls and the end are passed on in order; only text is read out, at the rate asked for."""
    items = ["Good evening.", " It is", ToolCallPiece(0, "{}"), " late today.", Finish()]
    tts = ScriptedTextToSpeech()
    async with aclosing(spoken(Writer(*items), tts, rate_hz)) as stream:
        found = [item async for item in stream]
    assert [item for item in found if not isinstance(item, Speech)] == items
    assert [text for _, text in tts.spoken] == ["Good evening.", "It is late today."]
    samples = sum(sample_count(item.pcm) for item in found if isinstance(item, Speech))
    assert samples == pytest.approx(len("Good evening.It is late today.") * CHARACTER_S * rate_hz, abs=2)


async def test_speech_does_not_wait_for_the_writer():
    """The first sentence is heard while the second is not yet written."""
    heard = asyncio.Event()
    async with aclosing(spoken(Writer("Good evening. ", heard, "It is late."), ScriptedTextToSpeech())) as stream:
        async for item in stream:
            if isinstance(item, Speech):
                heard.set()
    assert heard.is_set()


async def test_what_was_written_before_a_failure_is_read_out():
    """The error comes after the last sample."""
    found = []
    with pytest.raises(EngineError, match="out of words"):
        async with aclosing(
            spoken(Writer("Good evening.", EngineError("llm", "out of words")), ScriptedTextToSpeech())
        ) as stream:
            async for item in stream:
                found.append(item)
    samples = sum(sample_count(item.pcm) for item in found if isinstance(item, Speech))
    assert samples == int(13 * CHARACTER_S * RATE_HZ)


async def test_a_voice_that_fails_stops_the_writer():
    """Nobody goes on writing what cannot be said."""
    tts = ScriptedTextToSpeech()
    tts.fail = True
    writer = Writer(*["Good evening to you. "] * 100)
    with pytest.raises(EngineError, match="hoarse"):
        async with aclosing(spoken(writer, tts)) as stream:
            async for _ in stream:
                pass
    assert not writer.open
    assert tts.counts.live == 0


@pytest.mark.parametrize("items", [0, 1, 4])
async def test_closing_stops_both(items):
    """Wherever the reader leaves, no engine works any more when the stream is closed."""
    writer, tts = Writer(*["Good evening to you. "] * 100), ScriptedTextToSpeech()
    async with aclosing(spoken(writer, tts)) as stream:
        for _ in range(items):
            await anext(stream)
    assert not writer.open
    assert tts.counts.live == 0


async def test_who_never_reads_on_is_cancelled_cleanly():
    """A reader that is cancelled before anything came leaves nothing behind."""
    writer, tts = Writer(asyncio.Event()), ScriptedTextToSpeech()

    async def read():
        async with aclosing(spoken(writer, tts)) as stream:
            await anext(stream)

    reading = asyncio.create_task(read())
    await asyncio.sleep(0)
    reading.cancel()
    await asyncio.wait((reading,))
    assert reading.cancelled()
    assert not writer.open


async def test_a_reply_that_speaks_for_itself():
    """Its speech comes at the rate asked for, all else as it is; who leaves closes it."""
    half = Speech((1000).to_bytes(2, "little") * 12_000)
    rest = [SpeechOver(), OwnWords(" (smiles)", heard=False), ToolCallPiece(0, "{}"), Finish()]
    writer = Writer(OwnWords("Aye."), half, half, *rest)
    async with aclosing(own_reply(writer.stream(), 24_000, 48_000)) as stream:
        found = [item async for item in stream]
    assert [item for item in found if not isinstance(item, Speech)] == [OwnWords("Aye."), *rest]
    assert sum(sample_count(item.pcm) for item in found if isinstance(item, Speech)) == 48_000
    async with aclosing(own_reply(writer.stream(), 24_000, 24_000)) as stream:
        assert [await anext(stream), await anext(stream)] == [OwnWords("Aye."), half]
        assert writer.open
    assert not writer.open
