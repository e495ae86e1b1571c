"""The vocabulary between the outside and a session: Commands go in, Events come out.

Every door (native WebSocket, later others) only translates to and from these. Durations are in seconds, audio
positions in samples. Knows nothing of JSON, sockets or engines.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from backend.conversation import Character
    from backend.engines.interfaces import Generation
    from backend.ledger import LedgerEntry
    from backend.pipelines.turn_detection import Eagerness, Mode


class Outcome(StrEnum):
    """How a reply or a turn ended."""

    COMPLETED = "completed"
    INTERRUPTED = "interrupted"
    FAILED = "failed"


Source = Literal["speech", "text"]
OutputRate = Literal[16000, 24000, 48000]

# --- Commands: what a client wants -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Microphone:
    """Microphone audio, PCM16LE mono 16 kHz, whole samples."""

    pcm: bytes


@dataclass(frozen=True, slots=True)
class Commit:
    """The push-to-talk utterance is over."""


@dataclass(frozen=True, slots=True)
class Say:
    """The person typed a line. `to` names characters by id; empty means the director decides."""

    text: str
    to: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Interrupt:
    """Stop the current turn now."""


@dataclass(frozen=True, slots=True)
class PlaybackPosition:
    """The listener has heard `samples` of this reply, counted at the output rate."""

    turn: int
    reply: int
    samples: int


@dataclass(frozen=True, slots=True)
class Configure:
    """Change the session; `None` leaves a setting as it is. Applies from the next turn on."""

    cast: tuple[Character, ...] | None = None
    user_name: str | None = None
    output_rate: OutputRate | None = None
    generation: Generation | None = None
    silence_ms: int | None = None
    eagerness: Eagerness | None = None
    mode: Mode | None = None
    captions: bool | None = None


@dataclass(frozen=True, slots=True)
class Regenerate:
    """Answer the last line of the person again, in place of the last turn's replies."""


@dataclass(frozen=True, slots=True)
class ClearConversation:
    """Forget the history."""


@dataclass(frozen=True, slots=True)
class Ping:
    """Answered by `Pong` with the same nonce."""

    nonce: str | int | float | None


Command = Microphone | Commit | Say | Interrupt | PlaybackPosition | Configure | Regenerate | ClearConversation | Ping

# --- Events: what a client learns ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SessionReady:
    """The session and the configuration in force; sent at the start and again after each `Configure`."""

    session: str
    resume_token: str
    conversation: str
    output_rate: int
    engines: Mapping[str, Mapping[str, object]]
    characters: Sequence[Character]


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """The person began to speak. `audio_ms`: where, in all microphone audio of this session."""

    audio_ms: int


@dataclass(frozen=True, slots=True)
class SpeechStopped:
    """The person finished; `audio_ms` is the end of the last voiced window. Decided after `silence_ms` of silence, for
    `reason`."""

    audio_ms: int
    silence_ms: int
    reason: str


@dataclass(frozen=True, slots=True)
class TranscriptPartial:
    """What has been understood so far of the utterance being spoken."""

    text: str


@dataclass(frozen=True, slots=True)
class TranscriptFinal:
    """What was understood of the whole utterance; empty when it held no words."""

    text: str


@dataclass(frozen=True, slots=True)
class TurnStarted:
    """The cast begins to answer; `characters` are the ids of who will, in order."""

    turn: int
    text: str
    source: Source
    characters: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReplyStarted:
    """A character begins to write its reply. `reply` counts from 0 within the turn."""

    turn: int
    reply: int
    message_id: str
    character_id: str
    character_name: str


@dataclass(frozen=True, slots=True)
class ReplyText:
    """More of the reply, as it is written."""

    turn: int
    reply: int
    delta: str


@dataclass(frozen=True, slots=True)
class ReplySentence:
    """A sentence of the reply is complete and goes to the voice."""

    turn: int
    reply: int
    sentence: int
    text: str


@dataclass(frozen=True, slots=True)
class AudioFrame:
    """At most 100 ms of PCM at the session's output rate. `first_sample` counts within the reply."""

    turn: int
    reply: int
    sentence: int
    chunk: int
    first_sample: int
    pcm: bytes
    ends_sentence: bool
    ends_message: bool


@dataclass(frozen=True, slots=True)
class ReplyDone:
    """A reply is over. `text` is all that was written; `heard_text` the part of it the listener has heard."""

    turn: int
    reply: int
    message_id: str
    outcome: Outcome
    text: str
    heard_text: str


@dataclass(frozen=True, slots=True)
class ReplyDucked:
    """Somebody began to speak: play this reply at `gain` from now on; at 0, hold it and keep what is buffered."""

    turn: int
    reply: int
    gain: float


@dataclass(frozen=True, slots=True)
class ReplyUnducked:
    """It was no interruption: play this reply as before, from where it was held."""

    turn: int
    reply: int


@dataclass(frozen=True, slots=True)
class TurnDone:
    """The turn is over and can no longer be heard. One ledger entry per reply that was begun."""

    turn: int
    outcome: Outcome
    ledger: tuple[LedgerEntry, ...]


@dataclass(frozen=True, slots=True)
class ErrorRaised:
    """Something went wrong; the session goes on."""

    code: str
    message: str
    details: Mapping[str, object] | None = None
    turn: int | None = None


@dataclass(frozen=True, slots=True)
class Pong:
    """Answer to `Ping`."""

    nonce: str | int | float | None


Event = (
    SessionReady
    | SpeechStarted
    | SpeechStopped
    | TranscriptPartial
    | TranscriptFinal
    | TurnStarted
    | ReplyStarted
    | ReplyText
    | ReplySentence
    | AudioFrame
    | ReplyDucked
    | ReplyUnducked
    | ReplyDone
    | TurnDone
    | ErrorRaised
    | Pong
)
