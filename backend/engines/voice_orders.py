"""What is asked of a voice engine that several servers share, what comes of it, and the engine's side of it.

Nothing is kept for a session where the engine is: what a voice remembers comes with each text and goes back with its
speech. Knows nothing of what carries the orders, nor of which engine it is.
"""

from __future__ import annotations

from collections import OrderedDict
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from backend.engines.interfaces import AS_USUAL, Recording, Speech, TextToSpeech
from backend.errors import EngineError, RequestRefused

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from backend.engines.interfaces import Manner

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
