"""Windows of codes -> PCM, for all utterances: beside the thread that draws columns, or in it."""

from __future__ import annotations

import queue
import threading
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from boson_multimodal.serve.audio_stream import AudioStream, Window, pcm16

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from boson_multimodal.model.higgs_audio.codec import HiggsCodec
    from boson_multimodal.serve.channel import ThreadChannel
    from boson_multimodal.serve.utterance import FinishReason

MAX_BATCH = 16


class PcmSink:
    """A `ColumnSink` that passes on PCM16LE pieces."""

    def __init__(self, stream: AudioStream, worker: InlineCodec, channel: ThreadChannel[bytes]) -> None:
        self._stream = stream
        self._worker = worker
        self.channel = channel
        self.dropped = False
        self.columns: list[NDArray[np.int64]] = []
        self.finish_reason: FinishReason | None = None

    def put(self, value: NDArray[np.int64]) -> None:
        """See `ColumnSink`."""
        self.columns.append(value)
        for window in self._stream.feed(value):
            self._worker.submit(self, window)

    def end(self, finish_reason: FinishReason) -> None:
        """See `ColumnSink`."""
        self.finish_reason = finish_reason
        if finish_reason == "cancelled":
            self.dropped = True
        else:
            for window in self._stream.finish():
                self._worker.submit(self, window)
        self._worker.submit(self, None)

    def error(self, error: BaseException) -> None:
        """See `ColumnSink`."""
        self.channel.fail(error)
        self.channel.close()


@dataclass(frozen=True, slots=True)
class _Job:
    sink: PcmSink
    window: Window | None


class InlineCodec:
    """Decodes every window at once, in the thread that submits it.

    For a model and a codec on the same CPU: two threads that both use all its cores make each other twenty times
    slower.
    """

    def __init__(self, codec: HiggsCodec, device: torch.device) -> None:
        self._codec = codec
        self._device = device

    def submit(self, sink: PcmSink, window: Window | None) -> None:
        """Decode `window` for `sink`; None after the last one closes its channel."""
        self._serve([_Job(sink, window)])

    def close(self) -> None:
        """Finish what was submitted."""

    def _serve(self, batch: list[_Job]) -> None:
        """Decode windows of equal length in one batch; a failure is their sinks'."""
        try:
            self._decode([(job.sink, job.window) for job in batch if job.window is not None and not job.sink.dropped])
        except Exception as error:
            for job in batch:
                job.sink.dropped = True
                job.sink.channel.fail(error)
        for job in batch:
            if job.window is None:
                job.sink.channel.close()

    @torch.inference_mode()
    def _decode(self, windows: list[tuple[PcmSink, Window]]) -> None:
        if not windows:
            return
        codes = torch.from_numpy(np.stack([window.codes for _, window in windows]))
        samples = self._codec(codes.to(self._device)).float().cpu().numpy()
        hop = self._codec.samples_per_token
        for (sink, window), decoded in zip(windows, samples, strict=True):
            sink.channel.put(pcm16(decoded[window.begin * hop : window.end * hop]))


class CodecWorker(InlineCodec):
    """Decodes what is submitted in a thread of its own, each utterance's windows in order.

    On CUDA windows of equal length are decoded in one batch. On a CPU a batch gains nothing, and one window at a time
    keeps the last bit of every sample independent of what else is spoken.
    """

    def __init__(self, codec: HiggsCodec, device: torch.device) -> None:
        super().__init__(codec, device)
        self._batch = MAX_BATCH if device.type == "cuda" else 1
        self._inbox: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="higgs codec", daemon=True)
        self._thread.start()

    def submit(self, sink: PcmSink, window: Window | None) -> None:
        """See `InlineCodec.submit`; never blocks."""
        self._inbox.put(_Job(sink, window))

    def close(self) -> None:
        """Finish what was submitted and end the thread."""
        self._inbox.put(None)
        self._thread.join()

    def _run(self) -> None:
        waiting: deque[_Job] = deque()
        open_ = True
        while open_ or waiting:
            while open_ and (not waiting or not self._inbox.empty()):
                job = self._inbox.get()
                if job is None:
                    open_ = False
                else:
                    waiting.append(job)
            self._serve(self._next(waiting))

    def _next(self, waiting: deque[_Job]) -> list[_Job]:
        """Take the first job and those that can be decoded with it, never one before another of its utterance."""
        batch: list[_Job] = []
        passed_over: set[PcmSink] = set()
        for job in list(waiting):
            alike = not batch or _length(job) == _length(batch[0])
            if len(batch) < self._batch and alike and job.sink not in passed_over:
                batch.append(job)
                waiting.remove(job)
            else:
                passed_over.add(job.sink)
        return batch


def _length(job: _Job) -> int:
    return -1 if job.window is None else job.window.codes.shape[1]
