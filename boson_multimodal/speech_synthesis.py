"""Speech codes to sound while they are still being written.

What turns codes into sound is slow and synchronous, so it runs in threads: one call at a time for each stream, and none
left running when its consumer is gone.
"""

from __future__ import annotations

import asyncio
import contextlib
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, ParamSpec, Protocol, TypeAlias, TypeVar

from boson_multimodal.audio_tokens import SAMPLES_PER_CODE, SPEECH_RATE_HZ

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

Voice: TypeAlias = "str | bytes"
"""The name of a voice the engine knows, or a recording of one."""

P = ParamSpec("P")
T = TypeVar("T")

CODES_AT_ONCE = SPEECH_RATE_HZ // SAMPLES_PER_CODE
"""A second of sound: more are given in several calls, so that the first of it is heard early and closing is quick."""


_THREADS = ThreadPoolExecutor(64, thread_name_prefix="speech")
"""Not the loop's own, which also looks up addresses: calls wait here for their turn on the model."""


class SynthesisError(RuntimeError):
    """Speech codes could not be turned into sound."""


class TokenStream(Protocol):
    """One utterance in the making. Its methods are called from threads, never two at once."""

    def push(self, codes: list[int], /) -> bytes:
        """Take the next codes, 0 to 6560. Returns PCM16LE mono at 24 kHz that is certain by now, maybe none."""
        ...

    def finish(self) -> bytes:
        """The rest of the sound."""
        ...

    def close(self) -> None:
        """Free what the stream holds. Called last and once, also for a stream that was not finished."""
        ...


class SpeechDecoder(Protocol):
    """Turns speech codes into sound."""

    def open_stream(self, voice: Voice | None, seed: int | None = None) -> TokenStream:
        """An utterance in that voice; None is the engine's own. The same `seed` and codes give the same sound."""
        ...


async def speak(
    tts: SpeechDecoder, codes: asyncio.Queue[int | None], voice: Voice | None, seed: int | None
) -> AsyncGenerator[bytes]:
    """PCM16LE at 24 kHz of the codes from the queue up to None, in pieces. Raises `SynthesisError`.

    Closing waits for the call that is running, then closes the stream.
    """
    opened: list[TokenStream] = []
    try:
        # Kept by the call itself: a consumer cancelled meanwhile would not get the stream that is to be closed.
        await _in_thread(lambda: opened.append(tts.open_stream(voice, seed)))
        stream = opened[0]
        ended = False
        while not ended:
            batch, ended = await _next_codes(codes)
            if batch and (pcm := await _in_thread(stream.push, batch)):
                yield pcm
        if pcm := await _in_thread(stream.finish):
            yield pcm
    finally:
        for stream in opened:
            await _in_thread(stream.close)


async def _next_codes(codes: asyncio.Queue[int | None]) -> tuple[list[int], bool]:
    """What is waiting in the queue, at least one thing, and whether that was the last."""
    batch: list[int] = []
    code = await codes.get()
    while code is not None:
        batch.append(code)
        if len(batch) == CODES_AT_ONCE or codes.empty():
            return batch, False
        code = codes.get_nowait()
    return batch, True


async def _in_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call it in a thread. A caller that is cancelled still waits until the call has returned."""
    # No task: the end of `asyncio.run` cancels those, and the thread would go on without anyone waiting for it.
    call = asyncio.get_running_loop().run_in_executor(_THREADS, partial(function, *args, **kwargs))
    try:
        return await asyncio.shield(call)
    except asyncio.CancelledError:
        while not call.done():
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait([call])
        call.exception()  # is of no interest to anyone any more
        raise
    except Exception as error:
        raise SynthesisError(f"speech codes could not be turned into sound: {error}") from error
