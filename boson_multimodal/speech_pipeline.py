"""One answer on its way: read from the model, turned into sound, listened to.

One task reads and one speaks, joined by a bounded queue: the first codes are heard while the model still writes, and a
voice that falls behind slows the reading. Another bounded queue leads to who listens, who slows both.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from contextlib import aclosing
from typing import TYPE_CHECKING, cast

from boson_multimodal.parser import ParserEvent
from boson_multimodal.speech_answers import AnswerEvent, AnswerMetrics, PcmDelta, TextDelta, TranscriptDelta
from boson_multimodal.speech_chunks import LLMEvent, LLMFinish, ToolCallPiece
from boson_multimodal.speech_synthesis import SPEECH_RATE_HZ

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

log = logging.getLogger(__name__)

EVENTS_AHEAD = 64
"""How far an answer may be ahead of who listens to it."""


class SpeechPipeline:
    """For one answer, of which `end` and `metrics` are known once it has been listened to. `codes` is what the voice
    reads from: at most `codes_ahead` wait there, and None ends them."""

    def __init__(self, codes_ahead: int) -> None:
        self.codes: asyncio.Queue[int | None] = asyncio.Queue(codes_ahead)
        self._events: asyncio.Queue[AnswerEvent | Exception | None] = asyncio.Queue(EVENTS_AHEAD)
        self.metrics = AnswerMetrics()
        self.end: LLMFinish | None = None
        self._began = time.monotonic()
        self._transcript: list[str] = []
        self._held: list[str] = []
        self._aloud = self._listened = True
        self._spoken = False

    @property
    def age_s(self) -> float:
        """Seconds since the request."""
        return time.monotonic() - self._began

    @property
    def transcript(self) -> str:
        """The words spoken so far."""
        return "".join(self._transcript)

    async def run(
        self, written: AsyncGenerator[LLMEvent], sound: AsyncGenerator[bytes] | None
    ) -> AsyncGenerator[AnswerEvent]:
        """All of the answer but its end. `sound` is made of `codes`, None where only words were asked for. Raises what
        either of them raises; both are closed when this is."""
        self._aloud = sound is not None
        tasks = [asyncio.create_task(self._read(written))]
        if sound is not None:
            tasks.append(asyncio.create_task(self._speak(sound)))
        try:
            while (event := await self._events.get()) is not None:
                if isinstance(event, Exception):
                    raise event
                yield event
        finally:
            self._listened = False
            await _end(tasks)

    async def _read(self, written: AsyncGenerator[LLMEvent]) -> None:
        """Pass the model's answer on: codes to the voice, the rest to who listens."""
        try:
            async with aclosing(written) as events:
                async for event in events:
                    await self._take(event)
            await self._release(TextDelta)
            await (self.codes if self._aloud else self._events).put(None)
        except Exception as error:
            await self._fail(error)

    async def _speak(self, sound: AsyncGenerator[bytes]) -> None:
        """Pass the sound on. It ends after the model's answer has."""
        try:
            async with aclosing(sound) as pieces:
                async for pcm in pieces:
                    if self.metrics.first_audio_s is None:
                        self.metrics.first_audio_s = self.age_s
                    self.metrics.audio_s += len(pcm) / (2 * SPEECH_RATE_HZ)
                    await self._events.put(PcmDelta(pcm))
            await self._events.put(None)
        except Exception as error:
            await self._fail(error)

    async def _fail(self, error: Exception) -> None:
        """Have it raised where the answer is listened to. When it is not any more, nobody would make room for it."""
        if self._listened:
            await self._events.put(error)
        else:
            log.warning("while an answer was being closed: %s", error)

    async def _take(self, event: LLMEvent) -> None:
        match event:
            case ParserEvent("text", str(text)):
                # Whether words are spoken shows at the first code, which follows the first of them.
                self._held.append(text)
                if self._spoken or not self._aloud:
                    await self._release(TranscriptDelta if self._spoken else TextDelta)
            case ParserEvent("audio", codes) if self._aloud:
                self._spoken = True
                await self._release(TranscriptDelta)
                for code in cast("list[int]", codes):
                    await self.codes.put(code)
            case ParserEvent("speech_end"):
                await self._release(TextDelta)
            case ParserEvent("other", str(text)):
                await self._say(TextDelta(text))
            case ToolCallPiece():
                await self._events.put(event)
            case LLMFinish():
                self.end = event
            case _:
                pass  # the beginning of the speech, and codes nobody asked for

    async def _release(self, kind: type[TranscriptDelta | TextDelta]) -> None:
        text = "".join(self._held)
        self._held.clear()
        if text:
            await self._say(kind(text))

    async def _say(self, event: TranscriptDelta | TextDelta) -> None:
        if self.metrics.first_text_s is None:
            self.metrics.first_text_s = self.age_s
        if isinstance(event, TranscriptDelta):
            self._transcript.append(event.text)
        await self._events.put(event)


async def _end(tasks: Sequence[asyncio.Task[None]]) -> None:
    """Cancel the tasks and wait until they have ended, also when cancelled meanwhile."""
    for task in tasks:
        task.cancel()
    cancelled: asyncio.CancelledError | None = None
    while pending := [task for task in tasks if not task.done()]:
        try:
            await asyncio.wait(pending)
        except asyncio.CancelledError as error:
            cancelled = error
    for task in tasks:
        with contextlib.suppress(asyncio.CancelledError):
            task.exception()
    if cancelled is not None:
        raise cancelled
