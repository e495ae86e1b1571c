"""A reply that is read out while it is being written: what the language model writes, and the speech of it, as one
stream, as it comes from a writer that speaks itself.

Two tasks, joined by a bounded queue of sentences: the first sentence is heard while the second is written. Knows
nothing of turns, playback or HTTP.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING

import anyio

from backend.audio import Resampler
from backend.engines.interfaces import Speech, Written
from backend.engines.tasks import stop
from backend.pipelines.llm import SENTENCES_AHEAD
from backend.pipelines.narration import Narration
from backend.pipelines.sentences import SentenceProducer, produce_sentences
from backend.pipelines.tts import CHUNKS_AHEAD

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

    from backend.engines.interfaces import TextToSpeech, VoiceGenerator


async def speak_reply(
    written: AsyncGenerator[Written], tts: TextToSpeech, voice: VoiceGenerator, rate_hz: int
) -> AsyncGenerator[Written]:
    """Yield everything of `written`, in order, and among it its speech at `rate_hz`. Closing the stream stops both
    engines.

    Raises `EngineError("llm", ...)`, after the speech of what had been written, and `EngineError("tts", ...)`. May be
    asked for its items by different tasks, one after another.
    """
    said, items = anyio.create_memory_object_stream[Written](CHUNKS_AHEAD)
    sentences, to_read = anyio.create_memory_object_stream[str](SENTENCES_AHEAD)
    narration = Narration(voice, _received(to_read), tts.sample_rate_hz, rate_hz)
    also_said = said.clone()
    writing = asyncio.create_task(_write(written, sentences, said))
    reading = asyncio.create_task(_read(narration, also_said))
    try:
        async with items:
            async for item in items:
                yield item
        # A voice that failed takes its queue away from the writer, so its error is the one that matters.
        await reading
        await writing
    finally:
        await stop(writing, reading)
        # A task that was cancelled before it began has closed nothing.
        for end in (said, also_said, sentences, to_read):
            end.close()


async def own_reply(written: AsyncGenerator[Written], own_rate_hz: int, rate_hz: int) -> AsyncGenerator[Written]:
    """A reply whose writer speaks itself, with the speech at `rate_hz`. Closes `written` when it ends."""
    resampler = Resampler(own_rate_hz, rate_hz)
    async with aclosing(written):
        async for item in written:
            if not isinstance(item, Speech):
                yield item
            elif pcm := resampler.feed(item.pcm):
                yield Speech(pcm)
    if pcm := resampler.finish():
        yield Speech(pcm)


async def _write(
    written: AsyncGenerator[Written],
    sentences: MemoryObjectSendStream[str],
    said: MemoryObjectSendStream[Written],
) -> None:
    async with (
        said,
        sentences,
        aclosing(written),
        aclosing(_texts(written, said)) as texts,
        aclosing(produce_sentences(texts, SentenceProducer())) as found,
    ):
        async for sentence in found:
            if sentence.spoken:
                await sentences.send(sentence.spoken)


async def _texts(written: AsyncGenerator[Written], said: MemoryObjectSendStream[Written]) -> AsyncGenerator[str]:
    """The text of it, to be cut into sentences; everything has been passed on."""
    async for item in written:
        await said.send(item)
        if isinstance(item, str):
            yield item


async def _read(narration: Narration, said: MemoryObjectSendStream[Written]) -> None:
    async with said, aclosing(narration.stream()) as pieces:
        async for pcm in pieces:
            await said.send(Speech(pcm))


async def _received(sentences: MemoryObjectReceiveStream[str]) -> AsyncGenerator[str]:
    async with sentences:
        async for sentence in sentences:
            yield sentence
