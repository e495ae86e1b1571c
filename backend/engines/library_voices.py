"""A voice engine that also speaks with the voices of the library, wherever a voice is named.

Knows nothing of which engine it is, nor of who adds voices.
"""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING, Self

from backend.engines.interfaces import AS_USUAL
from backend.voice_library import ID_PREFIX

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping, Sequence
    from types import TracebackType

    from backend.engines.interfaces import Manner, Speech, TextToSpeech, VoiceGenerator
    from backend.voice_library import LibraryVoice, VoiceLibrary


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
        then."""
        if voice.startswith(ID_PREFIX):
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
            found = await self._library.find(self._voice)
            manner = self._manner if found is None else _spoken_as(found, self._manner)
            self._generator = self._engine.open_voice(self._voice, manner)
        async with aclosing(self._generator.stream(text)) as pieces:
            async for piece in pieces:
                yield piece


def _spoken_as(voice: LibraryVoice, manner: Manner) -> Manner:
    """What is asked of the voice itself, after what is asked of this speech."""
    return replace(
        manner,
        recording=manner.recording or voice.recording,
        speaker_description=manner.speaker_description or voice.description or None,
        scene_prompt=manner.scene_prompt or manner.instructions or voice.scene_prompt,
    )
