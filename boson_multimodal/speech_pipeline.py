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
from typing import TYPE_CHECKING, TypeAlias, cast

from boson_multimodal.audio_tokens import SPEECH_RATE_HZ
from boson_multimodal.parser import ParserEvent
from boson_multimodal.speech_answers import (
    AnswerEvent,
    AnswerMetrics,
    PcmDelta,
    SpeechDone,
    TextDelta,
    TranscriptDelta,
)
from boson_multimodal.speech_chunks import LLMEvent, LLMFinish, ToolCallPiece

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Sequence

log = logging.getLogger(__name__)

EVENTS_AHEAD = 64
"""How far an answer may be ahead of who listens to it."""


Codes: TypeAlias = "asyncio.Queue[int | None]"
"""What a voice reads from; None ends them."""


class SpeechPipeline:
    """For one answer, of which `end` and `metrics` are known once it has been listened to. At most `codes_ahead` codes
    wait for the voice."""

    def __init__(self, codes_ahead: int) -> None:
        self._codes_ahead = codes_ahead
        self._codes: Codes | None = None
        self._speeches: asyncio.Queue[Codes | None] = asyncio.Queue()
        self._events: asyncio.Queue[AnswerEvent | Exception | None] = asyncio.Queue(EVENTS_AHEAD)
        self.metrics = AnswerMetrics()
        self.end: LLMFinish | None = None
        self._began = time.monotonic()
        self._transcript: list[str] = []
        self._held: list[str] = []
        self._written_codes = self._codes_before_held = 0
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
        self, written: AsyncGenerator[LLMEvent], sound: Callable[[Codes], AsyncGenerator[bytes]] | None
    ) -> AsyncGenerator[AnswerEvent]:
        """All of the answer but its end. `sound` speaks codes, and is None where only words were asked for. Raises what
        either of them raises; both are closed when this is."""
        self._aloud = sound is not None
        tasks = [asyncio.create_task(self._read(written))]
        if sound is not None:
            self._begin_speech()  # a voice takes a while to get ready
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
            await self._end_speech()
            await (self._speeches if self._aloud else self._events).put(None)
        except Exception as error:
            await self._fail(error)

    async def _speak(self, sound: Callable[[Codes], AsyncGenerator[bytes]]) -> None:
        """Pass the sound on. It ends after the model's answer has."""
        try:
            while (codes := await self._speeches.get()) is not None:
                heard = False
                async with aclosing(sound(codes)) as pieces:
                    async for pcm in pieces:
                        heard = True
                        if self.metrics.first_audio_s is None:
                            self.metrics.first_audio_s = self.age_s
                        self.metrics.audio_s += len(pcm) / (2 * SPEECH_RATE_HZ)
                        await self._events.put(PcmDelta(pcm))
                if heard:
                    await self._events.put(SpeechDone())
            await self._events.put(None)
        except Exception as error:
            await self._fail(error)

    def _begin_speech(self) -> Codes:
        self._codes = asyncio.Queue(self._codes_ahead)
        self._speeches.put_nowait(self._codes)
        return self._codes

    async def _end_speech(self) -> None:
        if self._codes is not None:
            await self._codes.put(None)
            self._codes = None

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
                if not self._held:
                    self._codes_before_held = self._written_codes
                self._held.append(text)
                if self._spoken or not self._aloud:
                    await self._release(TranscriptDelta if self._spoken else TextDelta)
            case ParserEvent("audio", codes) if self._aloud:
                await self._pass_on(cast("list[int]", codes))
            case ParserEvent("speech_end"):
                await self._release(TextDelta)
                if self._spoken:
                    await self._end_speech()
            case ParserEvent("other", str(text)):
                await self._say(TextDelta(text))
            case ToolCallPiece():
                await self._events.put(event)
            case LLMFinish():
                self.end = event
            case _:
                pass  # the beginning of the speech, and codes nobody asked for

    async def _pass_on(self, codes: list[int]) -> None:
        """To the voice, after the words that were written before them."""
        self._spoken = True
        await self._release(TranscriptDelta)
        waiting = self._codes or self._begin_speech()
        for code in codes:
            await waiting.put(code)
        self._written_codes += len(codes)

    async def _release(self, kind: type[TranscriptDelta | TextDelta]) -> None:
        text = "".join(self._held)
        self._held.clear()
        if text and kind is TranscriptDelta:
            await self._say(TranscriptDelta(text, self._codes_before_held))
        elif text:
            await self._say(TextDelta(text))

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
