"""The machine's own loudspeaker and microphone, through `sounddevice` (extra `microphone`) where it works."""

from __future__ import annotations

import asyncio
import importlib
import threading
from typing import TYPE_CHECKING, Any, Self, TypeVar

from backend.audio import SAMPLE_BYTES
from backend.client.microphone import FRAME_SAMPLES, RATE_HZ
from backend.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

INSTALL_HINT = "pip install -e '.[microphone]' and the PortAudio library (Debian: apt install libportaudio2)"
FRAMES_KEPT = 50
"""Microphone frames (1 s) that may wait to be sent; beyond it the oldest are dropped, as the sound is late anyway."""


_Device = TypeVar("_Device")
_NAMES = {"RawOutputStream": "loudspeaker", "RawInputStream": "microphone"}


class DevicesMissing(ConfigurationError):
    """There is no loudspeaker or microphone that can be used; the message says what to install."""


class Loudspeaker:
    """Plays PCM16LE mono at `rate_hz`, silence when it has none. Raises `DevicesMissing` when there is no device."""

    def __init__(self, rate_hz: int) -> None:
        self._waiting = bytearray()
        self._held = False
        self._lock = threading.Lock()
        self._stream = _open("RawOutputStream", rate_hz, self._fill)
        self.latency_s = float(self._stream.latency)
        """From `play` to the ear, when it was silent."""

    def __enter__(self) -> Self:
        self._stream.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.stop()  # returns when what the device has taken has sounded
        self._stream.close()

    def play(self, pcm: bytes) -> None:
        """Play after what is already waiting."""
        with self._lock:
            self._waiting += pcm

    def hold(self, held: bool) -> None:
        """Keep what is waiting for later, or go on."""
        with self._lock:
            self._held = held

    def stop(self) -> None:
        """Forget what is waiting."""
        with self._lock:
            self._waiting.clear()
            self._held = False

    def _fill(self, out: Any, frames: int, _time: object, _status: object) -> None:
        """Runs on the device's thread."""
        size = frames * SAMPLE_BYTES
        with self._lock:
            sound = b"" if self._held else bytes(self._waiting[:size])
            del self._waiting[: len(sound)]
        out[:] = sound.ljust(size, b"\0")


class Microphone:
    """Hears PCM16LE mono at 16 kHz. Raises `DevicesMissing` when there is no device."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._heard: asyncio.Queue[bytes] = asyncio.Queue(FRAMES_KEPT)
        self._stream = _open("RawInputStream", RATE_HZ, self._take, FRAME_SAMPLES)

    async def run(self, send: Callable[[bytes], Awaitable[None]]) -> None:
        """Pass every 20 ms on until cancelled."""
        self._stream.start()
        try:
            while True:
                await send(await self._heard.get())
        finally:
            self._stream.close()

    def _take(self, sound: Any, _frames: int, _time: object, _status: object) -> None:
        """Runs on the device's thread."""
        self._loop.call_soon_threadsafe(self._keep, bytes(sound))

    def _keep(self, sound: bytes) -> None:
        if self._heard.full():
            self._heard.get_nowait()
        self._heard.put_nowait(sound)


def _open(kind: str, rate_hz: int, callback: Callable[..., None], blocksize: int = 0) -> Any:
    try:
        sounddevice: Any = importlib.import_module("sounddevice")
    except (ImportError, OSError) as error:  # OSError: the PortAudio library is missing
        raise DevicesMissing(f"typing only, no sound ({error}); to speak and hear: {INSTALL_HINT}") from error
    try:
        return getattr(sounddevice, kind)(
            samplerate=rate_hz, blocksize=blocksize, channels=1, dtype="int16", latency="low", callback=callback
        )
    except (sounddevice.PortAudioError, ValueError) as error:
        raise DevicesMissing(f"the {_NAMES[kind]} cannot be used ({error}); --no-audio does without") from error


def opened(device: Callable[[], _Device], say: Callable[[str], None]) -> _Device | None:
    """A microphone or loudspeaker; where there is none, that is said and the conversation goes on without."""
    try:
        return device()
    except DevicesMissing as error:
        say(str(error))
        return None
