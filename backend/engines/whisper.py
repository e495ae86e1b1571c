"""Speech recognition by faster-whisper, one model for all sessions.

Whisper cannot listen, only read: while somebody speaks, everything said so far is decoded again and again. Knows
nothing of microphones or turns; what the model is and how it is asked is in `whisper_model`.
"""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Self, TypeVar

from backend.audio import SAMPLE_BYTES, to_float, whole_samples
from backend.engines.bridge import stream_from_thread
from backend.engines.interfaces import HEARING_RATE_HZ, NO_HINTS, Pause, Transcript
from backend.engines.whisper_model import DEFAULT_MODEL, WhisperModel, choose_device, fetch, find, repository
from backend.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable
    from types import TracebackType

    from backend.engines.interfaces import Hints
    from backend.engines.whisper_model import Device

T = TypeVar("T")

log = logging.getLogger(__name__)

PARTIAL_BYTES = HEARING_RATE_HZ // 2 * SAMPLE_BYTES
"""New audio (half a second) after which what was said so far is decoded again."""


class WhisperSpeechToText:
    """Recognises by faster-whisper; see `SpeechToText`. One decoding at a time, in the engine's one thread."""

    name = "faster-whisper"
    stand_in = False
    shows_words = True

    def __init__(self, model: str | None = None, device: Device = "auto") -> None:
        """`model` is a folder, a size (`base.en`) or a repository (`owner/name`); by default what suits `device`."""
        self._name = model
        self._device: Device = device
        self._state = "not loaded"
        self._model: WhisperModel | None = None
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
        return not self._slot.locked()

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
        if self.loading is not None:
            await _stop(self.loading)
        self._model = None
        self._state = "not loaded"
        self._executor.shutdown(wait=False)

    async def stream(self, audio: AsyncIterator[bytes | Pause], hints: Hints = NO_HINTS) -> AsyncGenerator[Transcript]:
        """See `SpeechToText.stream`. Partial transcripts come only while nobody else needs the model."""
        model = self._model
        if model is None:
            raise EngineError("stt", f"{self.name} {self.detail}")
        said = bytearray()
        decoded_bytes = 0
        decoding: asyncio.Task[str] | None = None
        try:
            async for pcm in audio:
                if isinstance(pcm, Pause):
                    continue
                said += pcm
                if decoding is not None and decoding.done():
                    yield Transcript(decoding.result(), final=False)
                    decoding = None
                if decoding is None and len(said) - decoded_bytes >= PARTIAL_BYTES and not self._slot.locked():
                    decoded_bytes = len(said)
                    decoding = self._start(model, said)
            if decoding is None or decoded_bytes < len(said):
                if decoding is not None:
                    await _stop(decoding)
                decoding = self._start(model, said)
            yield Transcript(await decoding, final=True)
        finally:
            if decoding is not None:
                await _stop(decoding)

    def _start(self, model: WhisperModel, said: bytearray) -> asyncio.Task[str]:
        return asyncio.create_task(self._decode(model, bytes(said)), name="whisper decoding")

    async def _decode(self, model: WhisperModel, pcm: bytes) -> str:
        """The text of `pcm`. A cancelled decoding ends with the segment it is in."""
        samples = to_float(whole_samples(pcm))
        if not len(samples):
            return ""

        def decode(put: Callable[[str], None]) -> None:
            for text in model.transcribe(samples):
                put(text)

        segments = await self._in_thread(decode)
        return "".join(segments).strip()

    async def _load(self) -> None:
        try:
            await self._find_and_load()
        except (EngineError, OSError) as error:
            self._state = f"not available: {error}"
            log.warning("%s %s", self.name, self.detail)

    async def _find_and_load(self) -> None:
        self._state = "looking for it"
        device = await self._call(partial(choose_device, self._device))
        model = self._name = self._name or DEFAULT_MODEL[device]
        folder = await self._call(partial(find, model))
        if folder is None:
            self._fetching("from Hugging Face")
            folder = await fetch(await self._call(partial(repository, model)), self._fetching)
        self._state = "loading"
        self._model = await self._call(partial(WhisperModel.load, folder, device))
        self._state = f"on {device}"

    def _fetching(self, progress: str) -> None:
        self._state = f"fetching {progress}"

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


async def _stop(task: asyncio.Task[T]) -> None:
    """Cancel a task and wait until it has ended; its outcome is of no interest any more."""
    task.cancel()
    await asyncio.wait((task,))
    if not task.cancelled():
        task.exception()
