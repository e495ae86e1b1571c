"""One stream of recognition: audio and readings are waited for at the same time.

An `Utterance` says what to do; here is when. Knows nothing of the model or of threads.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from backend.engines.tasks import stop
from backend.engines.whisper_utterance import Utterance

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Sequence

    from backend.engines.interfaces import Pause, Transcript
    from backend.engines.whisper_queue import FairQueue
    from backend.engines.whisper_utterance import Passage, Urgency
    from backend.engines.whisper_words import Word

    Decode = Callable[[Passage], Coroutine[None, None, Sequence[Word]]]


async def recognise(
    audio: AsyncIterator[bytes | Pause], decode: Decode, queue: FairQueue
) -> AsyncGenerator[Transcript]:
    """The transcripts of an utterance by `decode`, which is called when `queue` gives the turn.

    Audio is taken only while there is room for it. What `decode` raises ends the stream.
    """
    utterance = Utterance()
    reader = _Reader(utterance, decode, queue)
    coming: asyncio.Task[bytes | Pause | None] | None = None
    try:
        while not utterance.finished:
            if coming is None and utterance.listening:
                coming = asyncio.create_task(_next(audio))
            await reader.follow()
            tasks = [task for task in (coming, reader.task) if task is not None]
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if reader.done and (transcript := reader.collect()) is not None:
                yield transcript
            if coming is not None and coming.done():
                item, coming = coming.result(), None
                if (transcript := utterance.hear(item)) is not None:
                    yield transcript
    finally:
        await stop(coming, reader.task)


class _Reader:
    """Has one passage read at a time, as urgently as the utterance needs it."""

    def __init__(self, utterance: Utterance, decode: Decode, queue: FairQueue) -> None:
        self.task: asyncio.Task[tuple[Passage, Sequence[Word]]] | None = None
        self._utterance = utterance
        self._decode = decode
        self._queue = queue
        self._urgency: Urgency | None = None
        """How urgently the turn is waited for; `None` when it is not."""

    @property
    def done(self) -> bool:
        return self.task is not None and self.task.done()

    async def follow(self) -> None:
        """Claim the turn, give up the claim, or claim anew, as the utterance needs it. A decoding that has begun goes
        on: its text is of use, and the model's thread would not be free any sooner."""
        urgency = self._utterance.urgency
        if self.task is not None and self._urgency not in (None, urgency):
            await stop(self.task)
            self.task = None
        if self.task is None and urgency is not None:
            self._urgency = urgency
            self.task = asyncio.create_task(self._read(urgency), name="whisper decoding")

    def collect(self) -> Transcript | None:
        """What there is to tell after the reading that is done."""
        assert self.task is not None
        (passage, words), self.task = self.task.result(), None
        return self._utterance.read(passage, words)

    async def _read(self, urgency: Urgency) -> tuple[Passage, Sequence[Word]]:
        async with self._queue.turn(urgency):
            self._urgency = None
            # Taken now and not before, so that it has everything that came in while the turn was waited for.
            passage = self._utterance.passage()
            return passage, await self._decode(passage)


async def _next(audio: AsyncIterator[bytes | Pause]) -> bytes | Pause | None:
    return await anext(audio, None)
