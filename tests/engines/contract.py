"""What every engine owes its consumers, as checks that run on any of them.

@pytest.mark.parametrize("check", contract.CHECKS)
async def test_contract(check, engine):
    await check(contract.hearing(engine, pcm, idle=lambda: not engine.busy))
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

import pytest

from backend.audio import SAMPLE_BYTES, Resampler, sample_count
from backend.engines.interfaces import HEARING_RATE_HZ, Generation, Pause
from backend.engines.offline_speech import OfflineTextToSpeech
from backend.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence

    from backend.engines.interfaces import LanguageModel, Message, Speech, SpeechToText, TextToSpeech, Transcript

T = TypeVar("T")

WINDOW_BYTES = 1024


@dataclass(frozen=True)
class Subject(Generic[T]):
    """An engine together with something for it to do."""

    open: Callable[[], AsyncGenerator[T]]
    """A new stream of the same work, every time."""
    complete: Callable[[Sequence[T]], None]
    """Asserts that these are all the items of such a stream, in order."""
    idle: Callable[[], bool]
    """Whether the engine holds no slot and no thread, process or connection works for anybody."""


def hearing(engine: SpeechToText, pcm: bytes, idle: Callable[[], bool]) -> Subject[Transcript]:
    """The recognition of `pcm`, 16 kHz."""
    return Subject(lambda: engine.stream(windows(pcm)), _one_final_transcript, idle)


def speaking(engine: TextToSpeech, text: str, idle: Callable[[], bool], voice: str = "") -> Subject[Speech]:
    """The speech of `text` by `voice`, or by the engine's first one; it is opened anew each time."""
    return Subject(lambda: engine.open_voice(voice or engine.voices[0]).stream(text), _whole_pieces, idle)


def writing(engine: LanguageModel, messages: Sequence[Message], idle: Callable[[], bool]) -> Subject[str]:
    """The answer to `messages`."""
    return Subject(lambda: engine.stream(messages, Generation()), _some_text, idle)


async def streams_in_order(subject: Subject[T]) -> None:
    """A stream that is read to its end is complete, and leaves nothing behind."""
    subject.complete(await drain(subject.open()))
    assert subject.idle()


async def stops_when_closed(subject: Subject[T]) -> None:
    """When `aclose` returns after the first item the engine has stopped, and the next stream works."""
    stream = subject.open()
    await anext(stream)
    await stream.aclose()
    assert subject.idle()
    subject.complete(await drain(subject.open()))


async def stops_when_cancelled(subject: Subject[T]) -> None:
    """When a consumer that was cancelled has ended the engine has stopped, and the next stream works."""
    reading = asyncio.create_task(drain(subject.open()))
    await asyncio.wait((reading,), timeout=0)
    reading.cancel()
    await asyncio.wait((reading,))
    # A quick engine may have been done before.
    assert reading.cancelled() or reading.exception() is None
    assert subject.idle()
    subject.complete(await drain(subject.open()))


async def serves_two_at_once(subject: Subject[T]) -> None:
    """Two streams at the same time are both complete."""
    for items in await asyncio.gather(drain(subject.open()), drain(subject.open())):
        subject.complete(items)
    assert subject.idle()


CHECKS = (streams_in_order, stops_when_closed, stops_when_cancelled, serves_two_at_once)


async def fails_with(stage: str, stream: AsyncGenerator[T]) -> EngineError:
    """Assert that this stream fails as engines must; returns the error."""
    with pytest.raises(EngineError) as caught:
        await drain(stream)
    assert caught.value.stage == stage
    assert str(caught.value)
    return caught.value


async def drain(stream: AsyncGenerator[T]) -> list[T]:
    """All items of a stream."""
    async with aclosing(stream):
        return [item async for item in stream]


async def windows(pcm: bytes) -> AsyncIterator[bytes]:
    """`pcm` in pieces as the microphone's pipeline delivers them."""
    for start in range(0, len(pcm), WINDOW_BYTES):
        yield pcm[start : start + WINDOW_BYTES]


async def spoken(text: str, voice: str = "alloy") -> bytes:
    """`text` spoken by an offline voice as a recogniser hears it: PCM16 mono 16 kHz."""
    async with OfflineTextToSpeech() as tts:
        resampler = Resampler(tts.sample_rate_hz, HEARING_RATE_HZ)
        pieces = [piece.pcm for piece in await drain(tts.open_voice(voice).stream(text))]
        return resampler.feed(b"".join(pieces)) + resampler.finish()


def _one_final_transcript(transcripts: Sequence[Transcript]) -> None:
    assert [transcript.final for transcript in transcripts] == [False] * (len(transcripts) - 1) + [True]


def _whole_pieces(pieces: Sequence[Speech]) -> None:
    assert pieces
    assert all(piece.pcm and len(piece.pcm) % SAMPLE_BYTES == 0 for piece in pieces)
    marks = [mark for piece in pieces for mark in piece.marks]
    assert [mark.offset for mark in marks] == sorted({mark.offset for mark in marks})
    assert [mark.sample for mark in marks] == sorted(mark.sample for mark in marks)
    assert all(0 <= mark.sample < sum(sample_count(piece.pcm) for piece in pieces) for mark in marks)


def _some_text(pieces: Sequence[str]) -> None:
    assert pieces
    assert all(pieces)


async def answers_pauses(engine: SpeechToText, pcm: bytes) -> None:
    """A pause is answered while no audio comes, and an utterance that ends there has that answer for its final."""
    answered = asyncio.Event()

    async def microphone() -> AsyncIterator[bytes | Pause]:
        async for window in windows(pcm):
            yield window
        yield Pause()
        await answered.wait()

    pauses: list[Transcript] = []
    async with aclosing(engine.stream(microphone())) as stream:
        async for transcript in stream:
            if transcript.pauses:
                pauses.append(transcript)
                answered.set()
            last = transcript
    assert [pause.pauses for pause in pauses] == [1]
    assert (last.text, last.final) == (pauses[0].text, True)
