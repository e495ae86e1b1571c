"""A voice engine that also speaks with the voices of the library, wherever a voice is named.

Knows nothing of which engine it is, nor of who adds voices.
"""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING, Self, TypeVar

from backend.engines.interfaces import AS_USUAL, Recording
from backend.errors import EngineError, StorageError
from backend.voice_library import is_id

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping, Sequence
    from types import TracebackType

    from backend.engines.interfaces import Manner, Speech, TextToSpeech, VoiceGenerator
    from backend.storage.voices import VoiceLibrary
    from backend.voice_library import LibraryVoice

_Number = TypeVar("_Number", int, float)


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
            return _LibraryVoiceGenerator(self._engine, self._library, voice, manner)
        return self._engine.open_voice(voice, manner)


class _LibraryVoiceGenerator:
    def __init__(self, engine: TextToSpeech, library: VoiceLibrary, voice: str, manner: Manner) -> None:
        self._engine = engine
        self._library = library
        self._voice = voice
        self._manner = manner
        self._generator: VoiceGenerator | None = None

    async def stream(self, text: str) -> AsyncGenerator[Speech]:
        """See `VoiceGenerator.stream`."""
        if self._generator is None:
            self._generator = await self._open()
        async with aclosing(self._generator.stream(text)) as pieces:
            async for piece in pieces:
                yield piece

    async def _open(self) -> VoiceGenerator:
        try:
            found = await self._library.find(self._voice)
        except StorageError as error:
            raise EngineError("tts", f"the voice cannot be looked up: {error}") from error
        if found is None:
            return self._engine.open_voice(self._voice, self._manner)
        return self._engine.open_voice(_engines_name(found, self._engine), _spoken_as(found, self._manner))


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
