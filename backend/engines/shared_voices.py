"""Voices of an engine that several servers share, wherever it runs.

What a voice remembers of what it has said is kept by the server whose session it speaks in and travels with each text.
So any copy of the engine can speak the next one, none keeps anything for sessions that may be gone, and where a copy
dies in the middle of a text another one goes on. Knows nothing of what carries the orders, nor of which engine it is.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections import Counter, OrderedDict
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Generic, Literal, Protocol, Self, TypeVar

from backend.engines.interfaces import AS_USUAL, Recording, Speech, TextToSpeech
from backend.engines.speech_joint import SpeechJoint
from backend.engines.tasks import stop
from backend.errors import EngineError, RequestRefused

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping, Sequence
    from types import TracebackType

    from backend.engines.interfaces import Manner, VoiceGenerator

log = logging.getLogger(__name__)

Memory = TypeVar("Memory")

RECORDINGS_KEPT = 64
"""By a copy: ten seconds take half a megabyte."""


class PortableVoice(Generic[Memory], Protocol):
    """A voice that can go on where another one of its kind stopped."""

    def stream(self, text: str) -> AsyncGenerator[Speech]:
        """See `VoiceGenerator.stream`."""
        ...

    @property
    def memory(self) -> Memory | None:
        """What its next text owes to what it has said; `None` before it has said anything."""
        ...

    def recall(self, memory: Memory) -> None:
        """Go on from there."""
        ...


@dataclass(frozen=True, slots=True)
class Order:
    """A text to be spoken. `memory`: of the same voice, after what it said before. `recording`: the one to be imitated,
    by its digest; it is only in `manner` where a copy may not know it yet."""

    voice: str
    manner: Manner
    text: str
    memory: object | None = None
    recording: str | None = None


@dataclass(frozen=True, slots=True)
class Remembered:
    """The text has been spoken; this is the voice's memory now."""

    memory: object | None


@dataclass(frozen=True, slots=True)
class Failed:
    """The text cannot be spoken; with `status`, because of what is asked, see `RequestRefused`."""

    message: str
    status: int | None = None
    reason: str = ""
    param: str | None = None


@dataclass(frozen=True, slots=True)
class RecordingUnknown:
    """The order has to come with its recording."""


Part = Speech | Remembered | Failed | RecordingUnknown
"""What comes of an order: speech, and last what is remembered or why it failed; or that something is missing."""


@dataclass(frozen=True, slots=True)
class Description:
    """What is known of a shared engine, see `TextToSpeech`."""

    name: str
    detail: str
    sample_rate_hz: int
    voices: tuple[str, ...]
    descriptions: Mapping[str, str]
    clones_voices: bool
    takes_descriptions: bool


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


def describe(engine: TextToSpeech) -> Description:
    """What others need to know of `engine`."""
    return Description(
        engine.name,
        engine.detail,
        engine.sample_rate_hz,
        tuple(engine.voices),
        dict(engine.descriptions),
        engine.clones_voices,
        engine.takes_descriptions,
    )


class PortableTextToSpeech(TextToSpeech, Protocol):
    """An engine all of whose voices are portable."""

    def open_voice(self, voice: str, manner: Manner = AS_USUAL) -> PortableVoice[object]:
        """See `TextToSpeech.open_voice`."""
        ...


class Copy:
    """A copy of the engine, where it is. It keeps the recordings that it was sent last, and nothing else."""

    def __init__(self, engine: PortableTextToSpeech) -> None:
        self._engine = engine
        self._recordings: OrderedDict[str, Recording] = OrderedDict()

    async def speak(self, order: Order) -> AsyncGenerator[Part]:
        """See `SharedEngine.speak`."""
        manner = self._complete(order)
        if manner is None:
            yield RecordingUnknown()
            return
        voice = self._engine.open_voice(order.voice, manner)
        if order.memory is not None:
            voice.recall(order.memory)
        try:
            async with aclosing(voice.stream(order.text)) as pieces:
                async for speech in pieces:
                    yield speech
        except RequestRefused as error:
            yield Failed(str(error), error.status, error.reason, error.param)
        except EngineError as error:
            yield Failed(str(error))
        else:
            yield Remembered(voice.memory)

    def _complete(self, order: Order) -> Manner | None:
        """The manner with its recording; `None` where that is not known."""
        if order.recording is None:
            return order.manner
        recording = order.manner.recording or self._recordings.get(order.recording)
        if recording is None:
            return None
        self._recordings[order.recording] = recording
        self._recordings.move_to_end(order.recording)
        if len(self._recordings) > RECORDINGS_KEPT:
            self._recordings.popitem(last=False)
        return replace(order.manner, recording=recording)


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
