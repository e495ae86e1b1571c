"""What the rest of the system knows of an engine: three Protocols, each with one stream, and the model that helps to
tell when somebody has finished.

Streams are closable async generators. The consumer wraps them in `contextlib.aclosing`; when `aclose()` returns, the
engine has stopped: no HTTP stream open, no thread working, no slot held. Failures are `EngineError`, and an engine is
usable again after both a close and a failure. Knows nothing of sessions, sockets or wire formats.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NotRequired, Protocol, TypedDict, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
    from types import TracebackType
    from typing import Self

HEARING_RATE_HZ = 16_000
"""Every microphone and every speech recogniser works at this rate, PCM16LE mono."""

TURN_MODEL_S = 8
"""How much of an utterance a `TurnModel` hears, counted from its end."""


class Message(TypedDict):
    """One chat message as language models take it. `role` is `system`, `user`, `assistant` or `tool`."""

    role: str
    content: str
    tool_calls: NotRequired[Sequence[Mapping[str, object]]]
    """Of an assistant: the functions it called, as OpenAI's chat completions have them."""
    tool_call_id: NotRequired[str]
    """Of a tool: the call that `content` is the result of."""


@dataclass(frozen=True, slots=True)
class ToolCallPiece:
    """More of a call of a function. `index` tells the calls of one reply apart; the first piece of a call has its `id`
    and `name`, and `arguments` is JSON in pieces."""

    index: int
    arguments: str = ""
    id: str = ""
    name: str = ""


FinishReason = Literal["stop", "length", "tool_calls", "content_filter"]


@dataclass(frozen=True, slots=True)
class Finish:
    """Why a reply ended, and how many tokens it took where the engine counts them."""

    reason: FinishReason = "stop"
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    audio_tokens: int | None = None
    """Those of its speech, beside `completion_tokens`; `None` from a model that only writes."""


@dataclass(frozen=True, slots=True)
class WordMark:
    """A word of the text begins here: `offset` in characters of the text, `sample` counted from the stream's start."""

    offset: int
    sample: int


@dataclass(frozen=True, slots=True)
class Speech:
    """A piece of speech: PCM16LE mono at the engine's `sample_rate_hz`, and the words that begin in it."""

    pcm: bytes
    marks: tuple[WordMark, ...] = ()


@dataclass(frozen=True, slots=True)
class OwnWords:
    """Text from a writer that speaks: what it says itself or, if not `heard`, what stands beside that. `after`: where
    in its speech, in samples, they were written; they sound later, how much nobody says."""

    text: str
    heard: bool = True
    after: int = 0


@dataclass(frozen=True, slots=True)
class SpeechOver:
    """The writer has said what it had to say so far."""


Written = str | ToolCallPiece | OwnWords | Speech | SpeechOver | Finish
"""What comes of a reply: text in pieces, calls of functions in pieces, and last, if the writer says so, its end. One
that speaks writes `OwnWords` and, independently of these, the `Speech` of those that are heard, and no other text."""


@dataclass(frozen=True, slots=True)
class Generation:
    """How a language model is asked to write. `None` means the server's own default."""

    model: str | None = None
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    extra: Mapping[str, object] = field(default_factory=dict[str, object])
    """Further request fields, passed through unchanged."""
    stop: tuple[str, ...] = ()
    """Where these would be written the reply ends; a server that cannot is not asked to, nor one for which `extra` has
    others."""


@dataclass(frozen=True, slots=True)
class Pause:
    """In the audio of an utterance: the person may have finished here. If anything follows, it is more speech."""


@dataclass(frozen=True, slots=True)
class Hints:
    """What is known of an utterance before it is heard."""

    words: tuple[str, ...] = ()
    """Names and other words that are likely and unusual."""
    language: str | None = None
    """ISO 639-1 code; `None` leaves it to the engine."""


NO_HINTS = Hints()


@dataclass(frozen=True, slots=True)
class Transcript:
    """What was understood so far. Partial transcripts may change; the one with `final` is the last of its stream."""

    text: str
    final: bool
    pauses: int = 0
    """For the answer to a `Pause`, how many there had been: `text` is everything before that one. Else 0."""


class Loaded(Protocol):
    """Loaded and warmed up by `async with`, unloaded at its end."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class Engine(Loaded, Protocol):
    """Common to the three engines of a turn."""

    @property
    def name(self) -> str:
        """The engine's name as in `--stt`, `--llm` and `--tts`."""
        ...

    @property
    def stand_in(self) -> bool:
        """True when this is the offline default that stands in for a real model."""
        ...

    @property
    def ready(self) -> bool:
        """True when a stream would start at once."""
        ...

    @property
    def detail(self) -> str:
        """One line for people: model, address, loading progress, or why not the better engine."""
        ...


class SpeechToText(Engine, Protocol):
    """Turns the audio of one utterance into text."""

    @property
    def shows_words(self) -> bool:
        """Whether partial transcripts come while somebody speaks, within a fraction of a second."""
        ...

    async def loaded(self) -> None:
        """Returns when what loads in the background is there, or cannot be had; `ready` says which."""
        ...

    def stream(self, audio: AsyncIterator[bytes | Pause], hints: Hints = NO_HINTS) -> AsyncGenerator[Transcript]:
        """Yield partial transcripts while `audio` (PCM16LE mono 16 kHz) goes on, then exactly one final one.

        A `Pause` is answered as soon as may be by what would be final if the utterance ended there, unless speech goes
        on before. An utterance that does end there has that answer for its final transcript, at once. Raises
        `EngineError("stt", ...)`.
        """
        ...


class Writer(Protocol):
    """Writes the next line of a conversation."""

    def stream(self, messages: Sequence[Message], generation: Generation) -> AsyncGenerator[Written]:
        """Yield the reply piece by piece, in order, never an empty text; functions are called only where
        `generation.extra` has `tools`. Raises `EngineError("llm", ...)`; who speaks also raises
        `EngineError("tts", ...)`."""
        ...


class LanguageModel(Engine, Writer, Protocol):
    """The engine that writes."""


@runtime_checkable
class Relay(Protocol):
    """A language model on a server that takes OpenAI's chat completions itself."""

    def relay(self, body: Mapping[str, Any]) -> AsyncGenerator[Mapping[str, Any]]:
        """Pass a request on as it is, with the engine's own model where it names none, and yield the answer as it is:
        one object, or with `stream` one for each chunk. Raises `EngineError("llm", ...)`, which is `RequestRefused`
        where the request is to blame."""
        ...


@dataclass(frozen=True, slots=True)
class Recording:
    """Somebody's voice, to be imitated: an audio file of any common format, and what is said in it."""

    audio: bytes
    text: str = ""


@dataclass(frozen=True, slots=True)
class Manner:
    """How a voice is asked to speak, beyond its name. `None` leaves it to the voice; engines without the notion ignore
    it."""

    seed: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    ras_window_length: int | None = None
    """Repetition-aware sampling: how far back is looked; given together with `ras_max_num_repeat`."""
    ras_max_num_repeat: int | None = None
    scene_prompt: str | None = None
    speaker_description: str | None = None
    instructions: str | None = None
    """Free text, as in OpenAI's API."""
    recording: Recording | None = None
    """Only for engines that clone voices."""


AS_USUAL = Manner()


class VoiceGenerator(Protocol):
    """One character's voice, kept across turns: what makes it sound the same from sentence to sentence is here."""

    def stream(self, text: str) -> AsyncGenerator[Speech]:
        """Yield the speech of `text` in order, never an empty piece. Raises `EngineError("tts", ...)`.

        A voice speaks one text at a time.
        """
        ...


class TextToSpeech(Engine, Protocol):
    """Speaks."""

    @property
    def sample_rate_hz(self) -> int:
        """Rate of all speech this engine makes."""
        ...

    @property
    def voices(self) -> Sequence[str]:
        """Names of distinct voices, dealt out to characters that name none."""
        ...

    @property
    def descriptions(self) -> Mapping[str, str]:
        """What voices are like, for people, of those where that is known."""
        ...

    @property
    def clones_voices(self) -> bool:
        """Whether it can imitate a recording."""
        ...

    @property
    def takes_descriptions(self) -> bool:
        """Whether it can speak as a description says, given in a `Manner` or, with semicolons, as a voice's name."""
        ...

    def open_voice(self, voice: str, manner: Manner = AS_USUAL) -> VoiceGenerator:
        """A new generator for the voice of that name. A name the engine does not know still gives a voice, and always
        the same one. With the same `manner.seed` it speaks the same texts with the same bytes."""
        ...


@runtime_checkable
class SpeechLanguageModel(TextToSpeech, Protocol):
    """Voices that are a language model themselves: they say what they write."""

    def open_writer(self, voice: str, manner: Manner = AS_USUAL, remember_as: str | None = None) -> Writer:
        """Who answers in the voice of that name, found as `TextToSpeech.open_voice` finds it.

        It takes messages as OpenAI's clients write them, recordings included, which it hears, and earlier answers given
        by the id they were to be remembered as.
        """
        ...


class TurnModel(Loaded, Protocol):
    """Tells by the sound of the voice whether somebody has finished speaking."""

    @property
    def detail(self) -> str:
        """One line for people."""
        ...

    async def finished(self, pcm: bytes) -> float:
        """How likely, in [0, 1], somebody has finished whose utterance ends with `pcm`: PCM16LE mono 16 kHz, about the
        last 200 ms of it silence. Only the last `TURN_MODEL_S` are heard.

        May be cancelled; nothing works on the question any more when that is through. Raises `EngineError("stt", ...)`.
        """
        ...
