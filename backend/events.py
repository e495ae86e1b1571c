"""What a client learns of a session. With `commands` this is the vocabulary between a session and the outside.

Every door only translates to and from these. Durations are in seconds, audio positions in samples. Knows nothing of
JSON, sockets or engines.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from backend.characters import Character
    from backend.commands import Edit
    from backend.engines.interfaces import FinishReason
    from backend.heard import HeardWord
    from backend.ledger import LedgerEntry
    from backend.lines import CallLine, Line


class Outcome(StrEnum):
    """How a reply or a turn ended."""

    COMPLETED = "completed"
    INTERRUPTED = "interrupted"
    FAILED = "failed"


Source = Literal["speech", "text", "request"]
"""What a turn answers; a request is one to speak, without anything said."""


@dataclass(frozen=True, slots=True)
class NewestReply:
    """A reply as far as the client has been told. `done` is `None` while it can still be heard."""

    started: ReplyStarted
    text: str
    done: ReplyDone | None


@dataclass(frozen=True, slots=True)
class NewestTurn:
    """A turn as far as the client has been told. `done` is `None` while it is not over."""

    started: TurnStarted
    replies: tuple[NewestReply, ...]
    done: TurnDone | None


@dataclass(frozen=True, slots=True)
class SessionReady:
    """The session and the configuration in force; sent at the start and again after each `Configure`."""

    session: str
    resume_token: str
    conversation: str
    output_rate: int
    engines: Mapping[str, Mapping[str, object]]
    characters: Sequence[Character]
    newest: NewestTurn | None = None
    """To a client that has come back: the newest turn, as far as it had been told."""


@dataclass(frozen=True, slots=True)
class EnginesChanged:
    """Which engines serve now, as `SessionReady` tells it: one is loading or has loaded, or another has taken over."""

    engines: Mapping[str, Mapping[str, object]]


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """The person began to speak. `audio_ms`: where, in all microphone audio of this session. `line`: the id that what
    they say will have in the conversation."""

    audio_ms: int
    line: str = ""


@dataclass(frozen=True, slots=True)
class SpeechStopped:
    """The person finished; `audio_ms` is the end of the last voiced window. Decided after `silence_ms` of silence, for
    `reason`."""

    audio_ms: int
    silence_ms: int
    reason: str
    line: str = ""


@dataclass(frozen=True, slots=True)
class TranscriptPartial:
    """What has been understood so far of the utterance being spoken."""

    text: str


@dataclass(frozen=True, slots=True)
class TranscriptFinal:
    """What was understood of the whole utterance; empty when it held no words."""

    text: str
    line: str = ""
    dismissed: bool = False
    """Whether it is no line of the conversation: an echo, or a sound of agreement."""


@dataclass(frozen=True, slots=True)
class TurnStarted:
    """The cast begins to answer; `characters` are the ids of who will, in order."""

    turn: int
    text: str
    source: Source
    characters: tuple[str, ...]
    request: str = ""
    """The `Respond` that asked for it."""


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
class ReplyWords:
    """When which word of a sentence is heard; told again as the voice goes on, the last time for good."""

    turn: int
    reply: int
    sentence: int
    words: tuple[HeardWord, ...]


@dataclass(frozen=True, slots=True)
class CallText:
    """More of a call of a function, as it is written; `call` counts from 0 within the reply."""

    turn: int
    reply: int
    call: int
    line: str
    """The id that the call will have in the conversation."""
    call_id: str
    name: str
    delta: str


@dataclass(frozen=True, slots=True)
class CallDone:
    """The call is complete, and the client's to make."""

    turn: int
    reply: int
    call: int
    line: CallLine


@dataclass(frozen=True, slots=True)
class ReplyTextDone:
    """All of a reply's text has been written, for this `reason`. Tokens are `None` where nobody counted."""

    turn: int
    reply: int
    reason: FinishReason
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


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
    heard_samples: int = 0


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
    request: str | None = None
    """The command that could not be carried out; empty when it has no name."""
    line: str | None = None
    """What could not be understood."""
    edit: Edit | None = None
    """What could not be done to the conversation."""


@dataclass(frozen=True, slots=True)
class LineAdded:
    """Somebody put a line into the conversation, after the one with the id `after` (`None`: at the beginning)."""

    line: Line
    after: str | None


@dataclass(frozen=True, slots=True)
class LineRemoved:
    """It is no longer part of the conversation, in which it came after the one with the id `after`."""

    id: str
    after: str | None


@dataclass(frozen=True, slots=True)
class LineShown:
    """Answer to `ShowLine`."""

    line: Line


@dataclass(frozen=True, slots=True)
class LineTruncated:
    """The reply ends where it was heard."""

    id: str
    audio_ms: int


@dataclass(frozen=True, slots=True)
class HeardCorrected:
    """The client told later where it had stopped to play a reply: more or less of it was heard."""

    id: str


@dataclass(frozen=True, slots=True)
class ConversationCleared:
    """The history is forgotten."""


@dataclass(frozen=True, slots=True)
class Pong:
    """Answer to `Ping`."""

    nonce: str | int | float | None


Event = (
    SessionReady
    | EnginesChanged
    | SpeechStarted
    | SpeechStopped
    | TranscriptPartial
    | TranscriptFinal
    | TurnStarted
    | ReplyStarted
    | ReplyText
    | ReplySentence
    | ReplyWords
    | CallText
    | CallDone
    | ReplyTextDone
    | AudioFrame
    | ReplyDucked
    | ReplyUnducked
    | ReplyDone
    | TurnDone
    | ErrorRaised
    | LineAdded
    | LineRemoved
    | LineShown
    | LineTruncated
    | HeardCorrected
    | ConversationCleared
    | Pong
)
