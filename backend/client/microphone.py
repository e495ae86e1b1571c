"""A simulated microphone in a quiet room: it always sends, 20 ms at a time in real time, and sometimes someone speaks.

The room's noise after the speech is what lets the server notice the end of it.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from backend.audio import SAMPLE_BYTES, from_float, read_wav, to_float
from backend.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

RATE_HZ = 16_000
FRAME_S = 0.02
FRAME_SAMPLES = int(RATE_HZ * FRAME_S)
FRAME_BYTES = FRAME_SAMPLES * SAMPLE_BYTES

AUDIBLE = 500
"""Samples louder than this count as sound; of 32768."""

_ROOM_NOISE = 3e-4
"""Standard deviation of the room's noise, about -70 dB of full scale."""


def is_audible(pcm: bytes) -> bool:
    """True when a sample of `pcm` is louder than `AUDIBLE`."""
    return bool(pcm) and float(np.abs(to_float(pcm)).max()) * 32768 > AUDIBLE


def read_speech(path: Path) -> bytes:
    """PCM at 16 kHz of a 16-bit WAV file. Raises `ConfigurationError`, which names the file, when it cannot be read."""
    try:
        return read_wav(path.read_bytes(), RATE_HZ)
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{path}: {getattr(error, 'strerror', None) or error}") from error


@dataclass(slots=True)
class _Speech:
    """What is being said, in frames. `audible`: how many of them come before the silence at its end."""

    frames: deque[bytes]
    audible: int
    said: asyncio.Future[float]


class SimulatedMicrophone:
    """`send` takes each frame (PCM16LE mono 16 kHz). Times are in seconds of `clock`."""

    def __init__(self, send: Callable[[bytes], Awaitable[None]], clock: Callable[[], float] = time.monotonic) -> None:
        self._send = send
        self._clock = clock
        self._speech: _Speech | None = None
        self._noise = np.random.default_rng(0)

    async def run(self) -> None:
        """Send a frame every 20 ms until cancelled; a frame goes out when its last sample would have been recorded."""
        due = self._clock()
        while True:
            due += FRAME_S
            await asyncio.sleep(due - self._clock())
            await self._send(self._next_frame())
            self._note_end()

    async def speak(self, pcm: bytes) -> float:
        """Say `pcm` (16 kHz); returns the time at which its last audible frame had been sent. Needs `run`."""
        frames = deque(pcm[start : start + FRAME_BYTES] for start in range(0, len(pcm), FRAME_BYTES))
        audible = max((count for count, frame in enumerate(frames, 1) if is_audible(frame)), default=len(frames))
        speech = _Speech(frames, audible, asyncio.get_running_loop().create_future())
        self._speech = speech
        self._note_end()
        return await speech.said

    def _next_frame(self) -> bytes:
        if self._speech is None:
            return self._room()
        frame = self._speech.frames.popleft()
        self._speech.audible -= 1
        return frame + self._room()[len(frame) :]

    def _note_end(self) -> None:
        speech = self._speech
        if speech is None:
            return
        if speech.audible <= 0 and not speech.said.done():
            speech.said.set_result(self._clock())
        if not speech.frames:
            self._speech = None

    def _room(self) -> bytes:
        return from_float(self._noise.normal(0, _ROOM_NOISE, FRAME_SAMPLES).astype(np.float32))
