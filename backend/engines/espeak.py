"""eSpeak NG through ctypes: text to PCM, piece by piece, with the words that begin in it.

The library keeps one global state and is not thread-safe, so there is one `Espeak` of it in a process and one lock
around everything it does. It is GPL-3.0 software and lives behind this file only. Knows nothing of engines or asyncio.
"""

from __future__ import annotations

import _ctypes
import ctypes
import importlib
import shutil
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from backend.errors import ConfigurationError, EngineError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

RATE_HZ = 22_050
"""What all of espeak's voices speak at; it cannot be changed."""

BUFFER_MS = 20
"""espeak hands out pieces of three times this: the first is ready soon, and none is longer than 100 ms."""

VOLUME = 60
"""Of 100. At 100 the loudest voices clip."""

# Names and values from espeak-ng/speak_lib.h.
AUDIO_OUTPUT_SYNCHRONOUS = 2
INITIALIZE_DONT_EXIT = 0x8000
CHARS_UTF8 = 0x0001
ENDPAUSE = 0x1000
PARAMETER_RATE, PARAMETER_VOLUME, PARAMETER_PITCH, PARAMETER_RANGE = 1, 2, 3, 4
EVENT_LIST_TERMINATED, EVENT_WORD = 0, 1
POSITION_CHARACTER = 1
GO_ON, ABORT = 0, 1

_UNLOAD: Any = getattr(_ctypes, "dlclose", None) or getattr(_ctypes, "FreeLibrary", None)


@dataclass(frozen=True, slots=True)
class EspeakVoice:
    """Everything that makes a voice sound as it does."""

    variant: str
    """One of espeak's timbres, such as `f2` or `edward`."""
    pitch: int = 50
    """0 to 99; 50 is the variant's own."""
    rate_wpm: int = 165
    """Words per minute."""
    expression: int = 50
    """How far the pitch moves, 0 (flat) to 99."""
    language: str = "en-us"
    seed: int | None = None
    """With a seed every text always sounds the same; `None`: never quite."""


@dataclass(frozen=True, slots=True)
class Piece:
    """PCM16 mono at `RATE_HZ` and, for each word event in it, (0-based character of the text, sample)."""

    pcm: bytes
    words: tuple[tuple[int, int], ...]


class _Event(ctypes.Structure):
    """`espeak_EVENT`."""

    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", ctypes.c_int * 2),
    )


_SynthCallback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.POINTER(_Event))


@cache
def espeak() -> Espeak:
    """The library of this process. Raises `ConfigurationError` when it is not installed."""
    return Espeak(_loader().get_library_path())


@contextmanager
def seeded_espeak(seed: int) -> Generator[Espeak]:
    """A library of its own, in the state of a new process: of two speeches after the same calls every byte is the same.

    The library keeps state that no function resets, so this is a copy of its file, which is loaded as another library
    (about 10 ms). Raises `ConfigurationError` when it is not installed.
    """
    with TemporaryDirectory(prefix="espeak") as folder:
        library = Espeak(shutil.copy(_loader().get_library_path(), folder))
        try:
            library.seed(seed)
            yield library
        finally:
            library.close()


def _loader() -> Any:
    try:
        return importlib.import_module("espeakng_loader")
    except ImportError as error:
        raise ConfigurationError("the offline voices need: pip install espeakng-loader") from error


class Espeak:
    """The initialised library in one file. Get it from `espeak()`: a second one of the same file would undo the
    first."""

    def __init__(self, file: str) -> None:
        self._lock = threading.Lock()
        self._put: Callable[[Piece], None] | None = None
        self._failure: BaseException | None = None
        # Kept here because the library holds only a bare pointer to it.
        self._callback = _SynthCallback(self._on_audio)
        self._library: Any = ctypes.CDLL(file)
        data = _loader().get_data_path().encode()
        rate = self._library.espeak_Initialize(AUDIO_OUTPUT_SYNCHRONOUS, BUFFER_MS, data, INITIALIZE_DONT_EXIT)
        if rate != RATE_HZ:
            raise ConfigurationError(f"espeak could not start (it answered {rate} instead of its sample rate)")
        self._library.espeak_SetSynthCallback(self._callback)

    def speak(self, text: str, voice: EspeakVoice, put: Callable[[Piece], None]) -> None:
        """Speak `text`, handing each piece to `put` as soon as it is made, with the pause its punctuation asks for.

        `put` must not block: all other speech waits. What it raises stops espeak at once and is raised here. Raises
        `EngineError` when espeak has no such voice or fails.
        """
        # A position is a count of code points, so every replaced character is replaced by exactly one.
        encoded = text.replace("\0", " ").encode(errors="replace") + b"\0"
        with self._lock:
            self._choose(voice)
            self._put, self._failure = put, None
            status = self._library.espeak_Synth(
                encoded, len(encoded), 0, POSITION_CHARACTER, 0, CHARS_UTF8 | ENDPAUSE, None, None
            )
            failure, self._put, self._failure = self._failure, None, None
        if failure is not None:
            raise failure
        if status != 0:
            raise EngineError("tts", f"espeak failed with status {status}")

    def seed(self, seed: int) -> None:
        """Where its noise begins."""
        self._library.espeak_ng_SetRandSeed(ctypes.c_long(seed % 2**31))

    def close(self) -> None:
        """Unload it. It must not be used any more."""
        self._library.espeak_Terminate()
        _UNLOAD(self._library._handle)

    @property
    def speaking(self) -> bool:
        """Whether it is at work for somebody."""
        return self._lock.locked()

    def _choose(self, voice: EspeakVoice) -> None:
        name = f"{voice.language}+{voice.variant}"
        if self._library.espeak_SetVoiceByName(name.encode()) != 0:
            raise EngineError("tts", f"espeak has no voice {name!r}")
        for parameter, value in (
            (PARAMETER_RATE, voice.rate_wpm),
            (PARAMETER_PITCH, voice.pitch),
            (PARAMETER_RANGE, voice.expression),
            (PARAMETER_VOLUME, VOLUME),
        ):
            self._library.espeak_SetParameter(parameter, value, 0)

    def _on_audio(self, samples: int | None, count: int, events: ctypes.Array[_Event]) -> int:
        """`t_espeak_callback`. An exception must not leave it: C code could not carry it any further."""
        if not samples or count <= 0:
            return GO_ON
        words: list[tuple[int, int]] = []
        index = 0
        while events[index].type != EVENT_LIST_TERMINATED:
            if events[index].type == EVENT_WORD:
                words.append((events[index].text_position - 1, events[index].sample))
            index += 1
        try:
            assert self._put is not None
            self._put(Piece(ctypes.string_at(samples, count * ctypes.sizeof(ctypes.c_short)), tuple(words)))
        except BaseException as error:  # raised again by `speak`
            self._failure = error
            return ABORT
        return GO_ON
