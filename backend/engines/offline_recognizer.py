"""The offline recogniser: pocketsphinx, which understands clear English without a model file, a network or a GPU.

It works in a few processes of its own, each lent to one utterance at a time. Knows nothing of microphones or turns.
"""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import os
import re
import socket
from collections import deque
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Self, cast

from backend.audio import whole_samples
from backend.engines.interfaces import NO_HINTS, Pause, Transcript
from backend.engines.sphinx_worker import HEADER, Reply, Request, serve
from backend.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator
    from multiprocessing.process import BaseProcess
    from types import TracebackType

    from backend.engines.interfaces import Hints

log = logging.getLogger(__name__)

PIECE_BYTES = 3200
"""Audio sent to a worker at a time: 100 ms, decoded in about 15."""

# Forking a process that has threads and a running event loop is not safe.
SPAWN = multiprocessing.get_context("spawn")


class OfflineSpeechToText:
    """Recognises by pocketsphinx; see `SpeechToText`. At most `processes` utterances at once, further ones wait."""

    name = "offline"
    stand_in = True
    shows_words = True

    def __init__(self, changed: asyncio.Event | None = None, processes: int | None = None) -> None:
        """`changed` is set whenever `ready` or `detail` changes while the engine runs."""
        self._changed = changed or asyncio.Event()
        self._slots = asyncio.Semaphore(processes or min(2, os.cpu_count() or 1))
        self._workers: set[_Worker] = set()
        self._idle: list[_Worker] = []
        self.loading: set[asyncio.Task[None]] = set()
        """Workers being loaded ahead of need; each task ends when its worker is there or cannot be had."""
        self._running = False
        self._failure = ""

    @property
    def ready(self) -> bool:
        return any(worker.alive for worker in self._workers)

    @property
    def idle(self) -> bool:
        """Whether nothing is being recognised and no worker is being loaded."""
        return not self.loading and len(self._idle) == len(self._workers)

    @property
    def detail(self) -> str:
        state = "" if self.ready else f": {self._failure or 'starting'}"
        return f"pocketsphinx, basic recognition of clear English{state}"

    async def __aenter__(self) -> Self:
        """Returns at once; the first worker loads in the background, further ones when they are needed."""
        self._running = True
        self._warm_up()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._running = False
        for task in self.loading:
            task.cancel()
        await asyncio.gather(*self.loading, return_exceptions=True)
        for worker in self._workers:
            worker.close()
        self._workers.clear()
        self._idle.clear()

    async def loaded(self) -> None:
        """See `SpeechToText.loaded`."""
        if self.loading:
            await asyncio.wait(self.loading)

    async def stream(self, audio: AsyncIterator[bytes | Pause], hints: Hints = NO_HINTS) -> AsyncGenerator[Transcript]:
        """See `SpeechToText.stream`. Words come without punctuation. Waits while all workers are busy or loading."""
        async with self._borrowed() as worker:
            settled, shown, pauses = "", "", 0
            async for piece in _pieces(audio):
                if isinstance(piece, Pause):
                    # What stands before a pause is decoded to the end; what follows begins a new segment.
                    settled = shown = _joined(settled, await worker.ask(Request.FINISH))
                    pauses += 1
                    yield Transcript(_written(settled), final=False, pauses=pauses)
                elif (text := _joined(settled, await worker.ask(Request.HEAR, piece))) != shown:
                    shown = text
                    yield Transcript(_written(text), final=False)
            yield Transcript(_written(_joined(settled, await worker.ask(Request.FINISH))), final=True)

    @asynccontextmanager
    async def _borrowed(self) -> AsyncGenerator[_Worker]:
        async with self._slots:
            worker = await self._take()
            try:
                yield worker
            finally:
                await self._give_back(worker)

    async def _take(self) -> _Worker:
        while self._idle:
            worker = self._idle.pop()
            if worker.alive:
                return worker
            self._bury(worker)
        if not self._running:
            raise EngineError("stt", "the offline recogniser is not running")
        try:
            worker = await _Worker.start(self._changed)
        except EngineError as error:
            self._failure = str(error)
            self._changed.set()
            raise
        self._workers.add(worker)
        self._changed.set()
        return worker

    async def _give_back(self, worker: _Worker) -> None:
        """Make the worker free for the next utterance, or replace it when it has died.

        Replies come in the order of the requests, so a worker is clean for the next one even if the wait is cancelled.
        """
        try:
            with suppress(EngineError):
                await worker.ask(Request.FORGET)
        finally:
            if worker.alive:
                self._idle.append(worker)
            elif self._running:
                self._bury(worker)
                self._warm_up()

    def _bury(self, worker: _Worker) -> None:
        log.warning("a recogniser process has died; another one takes its place")
        self._workers.discard(worker)
        worker.close()

    def _warm_up(self) -> None:
        task = asyncio.create_task(self._load_one(), name="recogniser warm-up")
        self.loading.add(task)
        task.add_done_callback(self.loading.discard)

    async def _load_one(self) -> None:
        try:
            async with self._borrowed():
                pass
        except EngineError as error:
            log.warning("the offline recogniser could not start: %s", error)


class _Worker(asyncio.Protocol):
    """The server's side of one worker process."""

    def __init__(self, process: BaseProcess, lost: asyncio.Event) -> None:
        self._process = process
        self._lost = lost
        self._transport: asyncio.Transport | None = None
        self._received = bytearray()
        self._replies: deque[asyncio.Future[str]] = deque()

    @classmethod
    async def start(cls, lost: asyncio.Event) -> _Worker:
        """A worker that has loaded its model; `lost` is set when it ends. Raises `EngineError` when it cannot."""
        loop = asyncio.get_running_loop()
        ours, theirs = socket.socketpair()
        with theirs:
            process = SPAWN.Process(target=serve, args=(theirs,), name="recogniser", daemon=True)
            process.start()
        worker = cls(process, lost)
        loaded = loop.create_future()
        worker._replies.append(loaded)
        try:
            await loop.create_connection(lambda: worker, sock=ours)
            await loaded
        except BaseException:
            loaded.cancel()
            worker.close()
            raise
        return worker

    @property
    def alive(self) -> bool:
        """Whether the worker can be asked."""
        return self._transport is not None and not self._transport.is_closing() and self._process.is_alive()

    async def ask(self, request: Request, data: bytes = b"") -> str:
        """The text the worker answers. Raises `EngineError` when it fails or dies.

        Requests are answered in order; the reply to one whose asker has been cancelled is dropped.
        """
        if self._transport is None or self._transport.is_closing():
            raise EngineError("stt", "the recogniser process is gone")
        reply = asyncio.get_running_loop().create_future()
        self._replies.append(reply)
        self._transport.write(HEADER.pack(request, len(data)) + data)
        return await reply

    def close(self) -> None:
        """End the process. It holds nothing worth keeping, so it is not asked politely; killing takes no time."""
        if self._transport is not None:
            self._transport.abort()
        self._process.kill()
        self._process.join()
        self._process.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Not every loop's transports are subclasses of asyncio's.
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        while len(self._received) >= HEADER.size:
            kind, size = HEADER.unpack_from(self._received)
            end = HEADER.size + size
            if len(self._received) < end:
                return
            text = self._received[HEADER.size : end].decode()
            del self._received[:end]
            self._settle(Reply(kind), text)

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost.set()
        while self._replies:
            self._settle(Reply.FAILURE, "the recogniser process has ended")

    def _settle(self, kind: Reply, text: str) -> None:
        waiting = self._replies.popleft()
        if waiting.done():
            return
        if kind is Reply.TEXT:
            waiting.set_result(text)
        else:
            waiting.set_exception(EngineError("stt", text))


async def _pieces(audio: AsyncIterator[bytes | Pause]) -> AsyncGenerator[bytes | Pause]:
    """The same audio in pieces of whole samples, `PIECE_BYTES` or more; only one before a pause or the end may be
    shorter."""
    gathered = bytearray()
    async for item in audio:
        if isinstance(item, Pause):
            if piece := _take_whole(gathered):
                yield piece
            yield item
            continue
        gathered += item
        if len(gathered) >= PIECE_BYTES:
            yield _take_whole(gathered)
    if piece := _take_whole(gathered):
        yield piece


def _take_whole(gathered: bytearray) -> bytes:
    """Remove and return the whole samples at the front."""
    piece = whole_samples(bytes(gathered))
    del gathered[: len(piece)]
    return piece


def _joined(settled: str, text: str) -> str:
    return f"{settled} {text}".strip()


def _written(words: str) -> str:
    """pocketsphinx's lower-case words with a capital at the beginning and for the person speaking."""
    words = re.sub(r"\bi\b", "I", words)
    return words[:1].upper() + words[1:]
