"""A voice engine that also speaks with the voices of the library, wherever a voice is named.

Knows nothing of which engine it is, nor of who adds voices.
"""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Generic, Self, TypeVar

from backend.engines.interfaces import AS_USUAL, Recording, SpeechLanguageModel
from backend.errors import EngineError, StorageError
from backend.voice_library import is_id

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
    from types import TracebackType

    from backend.engines.interfaces import (
        Generation,
        Manner,
        Message,
        Speech,
        TextToSpeech,
        VoiceGenerator,
        Writer,
        Written,
    )
    from backend.storage.voices import VoiceLibrary
    from backend.voice_library import LibraryVoice

_Number = TypeVar("_Number", int, float)
_Opened = TypeVar("_Opened")


def with_library(engine: TextToSpeech, library: VoiceLibrary) -> LibraryTextToSpeech:
    """`engine`, which speaks with the voices of `library` as well."""
    if isinstance(engine, SpeechLanguageModel):
        return LibrarySpeechModel(engine, library)
    return LibraryTextToSpeech(engine, library)


class LibraryTextToSpeech:
    """`engine`, with an `open_voice` that knows the ids of `library`; see `TextToSpeech`."""

    def __init__(self, engine: TextToSpeech, library: VoiceLibrary) -> None:
        self._engine = engine
        self._library = library

    @property
    def name(self) -> str:
        return self._engine.name

    @property
    def stand_in(self) -> bool:
        return self._engine.stand_in

    @property
    def ready(self) -> bool:
        return self._engine.ready

    @property
    def detail(self) -> str:
        return self._engine.detail

    @property
    def sample_rate_hz(self) -> int:
        return self._engine.sample_rate_hz

    @property
    def voices(self) -> Sequence[str]:
        return self._engine.voices

    @property
    def descriptions(self) -> Mapping[str, str]:
        return self._engine.descriptions

    @property
    def clones_voices(self) -> bool:
        return self._engine.clones_voices

    @property
    def takes_descriptions(self) -> bool:
        return self._engine.takes_descriptions

    async def __aenter__(self) -> Self:
        await self._engine.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._engine.__aexit__(kind, error, trace)

    def open_voice(self, voice: str, manner: Manner = AS_USUAL) -> VoiceGenerator:
        """See `TextToSpeech.open_voice`. A voice of the library is looked up at its first text and stays as it was
        then; what the engine cannot be made to sound like is always the same one of its own voices."""
        if is_id(voice):
            return _LibraryVoiceGenerator(
                _LookedUp(self._library, voice, manner, self._engine, self._engine.open_voice)
            )
        return self._engine.open_voice(voice, manner)


class LibrarySpeechModel(LibraryTextToSpeech):
    """The same of an engine that writes what it says; see `SpeechLanguageModel`."""

    def __init__(self, engine: SpeechLanguageModel, library: VoiceLibrary) -> None:
        super().__init__(engine, library)
        self._model = engine

    def open_writer(self, voice: str, manner: Manner = AS_USUAL, remember_as: str | None = None) -> Writer:
        """See `SpeechLanguageModel.open_writer`."""
        opened = partial(self._model.open_writer, remember_as=remember_as)
        if is_id(voice):
            return _LibraryWriter(_LookedUp(self._library, voice, manner, self._engine, opened))
        return opened(voice, manner)


class _LookedUp(Generic[_Opened]):
    """What `opened` gives for a voice of the library, once that has been looked up."""

    def __init__(
        self,
        library: VoiceLibrary,
        voice: str,
        manner: Manner,
        engine: TextToSpeech,
        opened: Callable[[str, Manner], _Opened],
    ) -> None:
        self._library = library
        self._voice = voice
        self._manner = manner
        self._engine = engine
        self._opened = opened
        self._found: _Opened | None = None

    async def get(self) -> _Opened:
        """Raises `EngineError("tts", ...)` when it cannot be looked up."""
        if self._found is None:
            self._found = await self._look_up()
        return self._found

    async def _look_up(self) -> _Opened:
        try:
            found = await self._library.find(self._voice)
        except StorageError as error:
            raise EngineError("tts", f"the voice cannot be looked up: {error}") from error
        if found is None:
            return self._opened(self._voice, self._manner)
        return self._opened(_engines_name(found, self._engine), _spoken_as(found, self._manner))


class _LibraryVoiceGenerator:
    def __init__(self, generator: _LookedUp[VoiceGenerator]) -> None:
        self._generator = generator

    async def stream(self, text: str) -> AsyncGenerator[Speech]:
        """See `VoiceGenerator.stream`."""
        generator = await self._generator.get()
        async with aclosing(generator.stream(text)) as pieces:
            async for piece in pieces:
                yield piece


class _LibraryWriter:
    def __init__(self, writer: _LookedUp[Writer]) -> None:
        self._writer = writer

    async def stream(self, messages: Sequence[Message], generation: Generation) -> AsyncGenerator[Written]:
        """See `Writer.stream`."""
        writer = await self._writer.get()
        async with aclosing(writer.stream(messages, generation)) as pieces:
            async for piece in pieces:
                yield piece


def _engines_name(voice: LibraryVoice, engine: TextToSpeech) -> str:
    """What the engine knows the voice by. Voices outlast the engine they were added with."""
    can = {
        "clone": engine.clones_voices,
        "description": engine.takes_descriptions,
        "preset": voice.preset in engine.voices,
    }
    if can[voice.method] or not engine.voices:
        return voice.preset or voice.id
    return engine.voices[int(voice.id[-8:], 16) % len(engine.voices)]


def _spoken_as(voice: LibraryVoice, manner: Manner) -> Manner:
    """What is asked of the voice itself, after what is asked of this speech."""
    recording = None if voice.recording is None else Recording(voice.recording, voice.transcript)
    return replace(
        manner,
        recording=manner.recording or recording,
        speaker_description=manner.speaker_description or voice.description or None,
        scene_prompt=manner.scene_prompt or manner.instructions or voice.scene_prompt,
        seed=_first(manner.seed, voice.seed),
        temperature=_first(manner.temperature, voice.temperature),
        top_p=_first(manner.top_p, voice.top_p),
    )


def _first(asked: _Number | None, own: _Number | None) -> _Number | None:
    return own if asked is None else asked
