"""One request to the scheduler from each kind of caller: a task that wants deltas or PCM, a thread that waits."""

from __future__ import annotations

import queue
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    import numpy as np
    from numpy.typing import NDArray

    from boson_multimodal.serve.codec_worker import PcmSink
    from boson_multimodal.serve.scheduler import Scheduler
    from boson_multimodal.serve.streamer import AsyncHiggsAudioStreamer, HiggsAudioStreamerDelta
    from boson_multimodal.serve.utterance import FinishReason, Utterance


async def delta_stream(
    scheduler: Scheduler, utterance: Utterance, streamer: AsyncHiggsAudioStreamer
) -> AsyncGenerator[HiggsAudioStreamerDelta]:
    """The deltas of `utterance`, whose sink is `streamer`. Closing the generator frees its slot."""
    scheduler.submit(utterance)
    try:
        async for delta in streamer:
            yield delta
    finally:
        scheduler.cancel(utterance)
        await streamer.wait_ended()


class PcmUtterance:
    """One utterance as PCM; `columns` and `finish_reason` are whole once `stream` has ended."""

    def __init__(self, scheduler: Scheduler, utterance: Utterance, sink: PcmSink) -> None:
        self._scheduler = scheduler
        self._utterance = utterance
        self._sink = sink

    @property
    def columns(self) -> list[NDArray[np.int64]]:
        """The columns drawn so far, `[C]` each."""
        return self._sink.columns

    @property
    def finish_reason(self) -> FinishReason | None:
        """Why it ended."""
        return self._sink.finish_reason

    async def stream(self) -> AsyncGenerator[bytes]:
        """PCM16LE mono, piece by piece."""
        self._scheduler.submit(self._utterance)
        try:
            while (piece := await self._sink.channel.get()) is not None:
                yield piece
        finally:
            self._sink.dropped = True
            self._scheduler.cancel(self._utterance)
            await self._sink.channel.wait_closed()


class ColumnCollector:
    """A `ColumnSink` for a caller that waits in another thread."""

    def __init__(self) -> None:
        self.columns: list[NDArray[np.int64]] = []
        self._outcome: queue.SimpleQueue[FinishReason | BaseException] = queue.SimpleQueue()

    def put(self, value: NDArray[np.int64]) -> None:
        """See `ColumnSink`."""
        self.columns.append(value)

    def end(self, finish_reason: FinishReason) -> None:
        """See `ColumnSink`."""
        self._outcome.put(finish_reason)

    def error(self, error: BaseException) -> None:
        """See `ColumnSink`."""
        self._outcome.put(error)

    def wait(self) -> FinishReason:
        """Block until it has ended; raises what it failed with."""
        outcome = self._outcome.get()
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome
