"""Speech recognition by faster-whisper, one model for all sessions.

Whisper cannot listen, only read: while somebody speaks, what was said so far is decoded again and again. What is
decoded when is in `whisper_stream` and `whisper_utterance`, who comes next in `whisper_queue`, what the model is and
how it is asked in `whisper_model`. Knows nothing of microphones or turns.
"""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Self, TypeVar

from backend.audio import to_float
from backend.engines.bridge import stream_from_thread
from backend.engines.interfaces import NO_HINTS
from backend.engines.tasks import stop
from backend.engines.whisper_model import DEFAULT_MODEL, WhisperModel, choose_device, fetch, find, repository
from backend.engines.whisper_queue import FairQueue
from backend.engines.whisper_stream import recognise
from backend.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable
    from types import TracebackType

    from backend.engines.interfaces import Hints, Pause, Transcript
    from backend.engines.whisper_model import Device
    from backend.engines.whisper_utterance import Passage
    from backend.engines.whisper_words import Word

T = TypeVar("T")

log = logging.getLogger(__name__)


class WhisperSpeechToText:
    """Recognises by faster-whisper; see `SpeechToText`. One decoding at a time, in the engine's one thread."""

    name = "faster-whisper"
    stand_in = False
    shows_words = True

    def __init__(self, model: str | None = None, device: Device = "auto", changed: asyncio.Event | None = None) -> None:
        """`model` is a folder, a size (`base.en`) or a repository (`owner/name`); by default what suits `device`.
        `changed` is set whenever `ready` or `detail` changes while the engine runs."""
        self._name = model
        self._device: Device = device
        self._state = "not loaded"
        self._changed = changed or asyncio.Event()
        self._model: WhisperModel | None = None
        self._queue = FairQueue()
        # The bridge asks for a slot of its own; who has the turn never waits for it.
        self._slot = asyncio.Semaphore(1)
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="whisper")
        self.loading: asyncio.Task[None] | None = None
        """Ends when the model is ready or cannot be had."""

    @property
    def ready(self) -> bool:
        return self._model is not None

    @property
    def idle(self) -> bool:
        """Whether nothing is being decoded or loaded."""
        return self._queue.idle and not self._slot.locked()

    @property
    def detail(self) -> str:
        return f"{Path(self._name).name if self._name else 'Whisper'}: {self._state}"

    async def __aenter__(self) -> Self:
        """Returns at once; the model is looked for, fetched if need be, and loaded in the background."""
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="whisper")
        self.loading = asyncio.create_task(self._load(), name="whisper loading")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """A fetch is stopped; a model that is being loaded from disk is waited for."""
        await stop(self.loading)
        self._model = None
        self._state = "not loaded"
        self._executor.shutdown(wait=False)

    async def loaded(self) -> None:
        """See `SpeechToText.loaded`."""
        if self.loading is not None:
            await asyncio.wait((self.loading,))

    async def stream(self, audio: AsyncIterator[bytes | Pause], hints: Hints = NO_HINTS) -> AsyncGenerator[Transcript]:
        """See `SpeechToText.stream`. Partial transcripts come only while nobody waits for an answer of the model."""
        model = self._model
        if model is None:
            raise EngineError("stt", f"{self.name} {self.detail}")
        async with aclosing(recognise(audio, partial(self._decode, model, hints), self._queue)) as transcripts:
            async for transcript in transcripts:
                yield transcript

    async def _decode(self, model: WhisperModel, hints: Hints, passage: Passage) -> list[Word]:
        """The words of a passage. A cancelled decoding ends with the segment it is in."""
        if not passage.pcm:
            return []

        def decode(put: Callable[[list[Word]], None]) -> None:
            for words in model.transcribe(to_float(passage.pcm), hints, passage.prompt):
                put(words)

        return [word for words in await self._in_thread(decode) for word in words]

    async def _load(self) -> None:
        try:
            await self._find_and_load()
        except (EngineError, OSError) as error:
            self._become(f"not available: {error}")
            log.warning("%s %s", self.name, self.detail)

    async def _find_and_load(self) -> None:
        self._become("looking for it")
        device = await self._call(partial(choose_device, self._device))
        model = self._name = self._name or DEFAULT_MODEL[device]
        folder = await self._call(partial(find, model))
        if folder is None:
            self._fetching("from Hugging Face")
            folder = await fetch(await self._call(partial(repository, model)), self._fetching)
        self._become("loading")
        self._model = await self._call(partial(WhisperModel.load, folder, device))
        self._become(f"on {device}")

    def _fetching(self, progress: str) -> None:
        self._become(f"fetching {progress}")

    def _become(self, state: str) -> None:
        self._state = state
        self._changed.set()

    async def _call(self, function: Callable[[], T]) -> T:
        """The result of a blocking function."""

        def call(put: Callable[[T], None]) -> None:
            put(function())

        (result,) = await self._in_thread(call)
        return result

    async def _in_thread(self, produce: Callable[[Callable[[T], None]], None]) -> list[T]:
        """Everything a blocking producer puts. Whatever it raises becomes an `EngineError`: the libraries under
        Whisper raise all sorts of things, some of them plain `Exception`."""
        try:
            async with aclosing(stream_from_thread(produce, executor=self._executor, slot=self._slot)) as items:
                return [item async for item in items]
        except Exception as error:
            raise EngineError("stt", f"{type(error).__name__}: {error}") from error
