"""Voices of an engine that several servers share, wherever it runs.

What a voice remembers of what it has said is kept by the server whose session it speaks in and travels with each text.
So any copy of the engine can speak the next one, none keeps anything for sessions that may be gone, and where a copy
dies in the middle of a text another one goes on. Knows nothing of what carries the orders, nor of which engine it is.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections import Counter
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING, Literal, Protocol, Self

from backend.engines.interfaces import AS_USUAL, Speech
from backend.engines.speech_joint import SpeechJoint
from backend.engines.tasks import stop
from backend.engines.voice_orders import Order, RecordingUnknown, Remembered
from backend.errors import EngineError, RequestRefused

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping, Sequence
    from types import TracebackType

    from backend.engines.interfaces import Manner, Recording, VoiceGenerator
    from backend.engines.voice_orders import Description, Failed, Part

log = logging.getLogger(__name__)


class CopyLost(Exception):
    """The copy of the engine that was speaking is gone."""


class SharedEngine(Protocol):
    """An engine elsewhere, in one copy or more."""

    def speak(self, order: Order) -> AsyncGenerator[Part]:
        """Raises `CopyLost`. When it is closed the engine stops, the slot is free within a moment."""
        ...

    async def answers(self) -> None:
        """Returns when a copy is there that would speak."""
        ...


class SharedTextToSpeech:
    """Speaks with a shared engine; see `TextToSpeech`. `changed` is set when it comes or goes."""

    stand_in = False

    def __init__(self, engine: SharedEngine, description: Description, changed: asyncio.Event) -> None:
        self._engine = engine
        self._description = description
        self._changed = changed
        self._waiting: asyncio.Task[None] | None = None
        """For a copy, while none may be there."""
        self.name = description.name
        self.sample_rate_hz = description.sample_rate_hz
        self.clones_voices = description.clones_voices
        self.takes_descriptions = description.takes_descriptions
        self.servers = ()
        self.failovers: Counter[tuple[str, str, Literal["start", "middle"]]] = Counter()
        self.finished_elsewhere: Counter[tuple[str, str]] = Counter()
        """Texts that another copy went on with; see `SpeechServers`. Copies have no names."""

    @property
    def voices(self) -> Sequence[str]:
        return self._description.voices

    @property
    def descriptions(self) -> Mapping[str, str]:
        return self._description.descriptions

    @property
    def ready(self) -> bool:
        return self._waiting is None

    @property
    def detail(self) -> str:
        shared = f"{self._description.detail}, shared"
        return shared if self.ready else f"{shared}; waiting for a copy of the engine"

    async def __aenter__(self) -> Self:
        await self._engine.answers()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await stop(self._waiting)

    def open_voice(self, voice: str, manner: Manner = AS_USUAL) -> VoiceGenerator:
        return _SharedVoice(self, voice, manner)

    def speak(self, order: Order) -> AsyncGenerator[Part]:
        """See `SharedEngine.speak`."""
        return self._engine.speak(order)

    def lost(self, *, heard: bool) -> None:
        """A copy is gone, perhaps the last one, and the text it was speaking was, in part, `heard` or not."""
        self.failovers[self.name, self.name, "middle" if heard else "start"] += 1
        if self._waiting is None:
            log.warning("a copy of the voice engine is gone")
            self._waiting = asyncio.create_task(self._until_one_answers(), name="voice engine")
            self._changed.set()

    async def _until_one_answers(self) -> None:
        try:
            await self._engine.answers()
        except Exception:
            log.exception("whether there is a voice engine cannot be told")
        finally:
            self._waiting = None
            self._changed.set()


class _SharedVoice:
    """One voice; it keeps its memory between the texts."""

    def __init__(self, engine: SharedTextToSpeech, voice: str, manner: Manner) -> None:
        self._engine = engine
        self._manner = manner
        self._order = Order(voice, replace(manner, recording=None), "", recording=_digest(manner.recording))

    async def stream(self, text: str) -> AsyncGenerator[Speech]:
        """See `VoiceGenerator.stream`. Where a copy of the engine is lost, another one speaks the text again, once, and
        what was passed on is left out; see `SpeechJoint` for how they are joined."""
        order = replace(self._order, text=text)
        joint = SpeechJoint(self._engine.sample_rate_hz, joins=True)
        for last_try in (False, True):
            joint.next_take()
            try:
                async with aclosing(self._parts(order)) as parts:
                    async for part in parts:
                        if isinstance(part, Speech):
                            if heard := joint.feed(part.pcm):
                                yield Speech(heard)
                        else:
                            self._end(part)
            except CopyLost as lost:
                self._engine.lost(heard=joint.passed > 0)
                if last_try:
                    raise EngineError("tts", "the voice engine is gone") from lost
            else:
                if last_try:
                    self._engine.finished_elsewhere[self._engine.name, self._engine.name] += 1
                break
        if heard := joint.finish():
            yield Speech(heard)

    async def _parts(self, order: Order) -> AsyncGenerator[Speech | Remembered | Failed]:
        """What comes of the order, which brings its recording along where the copy has not heard it."""
        unknown = False
        async with aclosing(self._engine.speak(order)) as parts:
            async for part in parts:
                if isinstance(part, RecordingUnknown):
                    unknown = True
                else:
                    yield part
        if unknown:
            async with aclosing(self._parts(replace(order, manner=self._manner))) as parts:
                async for part in parts:
                    yield part

    def _end(self, part: Remembered | Failed) -> None:
        if isinstance(part, Remembered):
            self._order = replace(self._order, memory=part.memory)
        elif part.status is None:
            raise EngineError("tts", part.message)
        else:
            raise RequestRefused("tts", part.status, part.message, part.reason, part.param)


def _digest(recording: Recording | None) -> str | None:
    if recording is None:
        return None
    return hashlib.sha256(recording.text.encode(errors="replace") + b"\0" + recording.audio).hexdigest()
