"""What a client wants of a session; `events` are what it learns.

Every door only translates to and from these. Knows nothing of JSON, sockets or engines.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from backend.characters import Character
    from backend.engines.interfaces import Generation
    from backend.lines import Line
    from backend.pipelines.turn_detection import Eagerness, Mode

OutputRate = Literal[16000, 24000, 48000]


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
class DiscardAudio:
    """Forget the utterance being spoken."""


@dataclass(frozen=True, slots=True)
class Interrupt:
    """Stop a turn now: the one of that number, or the current one."""

    turn: int | None = None


@dataclass(frozen=True, slots=True)
class Respond:
    """Let somebody speak without the person having said anything. `None` leaves it to the session's settings."""

    request: str
    """Named by what comes of it."""
    to: tuple[Character, ...] = ()
    """Who; empty means the director decides."""
    generation: Generation | None = None
    aloud: bool | None = None
    told: tuple[str | Line, ...] | None = None
    """What the answer goes by instead of the conversation: lines, and ids of lines that are in it."""
    kept: bool = True
    """Whether the answer becomes part of the conversation. One that does not may be given beside another turn."""


@dataclass(frozen=True, slots=True)
class AddLine:
    """Put a line into the conversation, after the one with the id `after` ("root": at the beginning)."""

    line: Line
    after: str | None = None
    request: str | None = None


@dataclass(frozen=True, slots=True)
class RemoveLine:
    """Take a line out of the conversation."""

    id: str
    request: str | None = None


@dataclass(frozen=True, slots=True)
class ShowLine:
    """Say what a line is."""

    id: str
    request: str | None = None


@dataclass(frozen=True, slots=True)
class TruncateLine:
    """Only so much of a reply's sound was heard: forget the rest."""

    id: str
    audio_ms: int
    request: str | None = None


@dataclass(frozen=True, slots=True)
class PlaybackPosition:
    """The listener has heard `samples` of this reply, counted at the output rate."""

    turn: int
    reply: int
    samples: int


@dataclass(frozen=True, slots=True)
class Leave:
    """The client has gone, and may come back: what it has not heard waits for it."""


@dataclass(frozen=True, slots=True)
class Return:
    """The client is back."""


@dataclass(frozen=True, slots=True)
class ShowEngines:
    """Tell the client which engines serve now: they have changed."""


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
    answers: bool | None = None
    """Whether what the person says is answered unasked."""
    aloud: bool | None = None
    """Whether replies are spoken, or only written."""
    ahead_s: float | None = None
    """How much audio may be sent before it is heard, seconds."""
    speed: float | None = None
    """How fast replies are spoken; 1 is the voice's own speed."""
    language: str | None = None
    """What the person speaks, ISO 639-1; empty: not known."""
    keep_audio: bool | None = None
    """Whether the sound of replies is kept with the conversation."""
    scene: str | None = None
    """Where everybody is, and what is going on."""
    lines_among_themselves: int | None = None
    """How many lines the characters may add to their replies, talking among themselves."""
    to: tuple[str, ...] | None = None
    """Ids of those whom the person speaks to from now on; empty: nobody in particular."""


@dataclass(frozen=True, slots=True)
class Greet:
    """Let a character begin the conversation with the greeting of that number on its card. Without a `character`, the
    first that has any."""

    character: str | None = None
    greeting: int = 0


@dataclass(frozen=True, slots=True)
class Regenerate:
    """Say the last turn's replies again, in other words and in place of them. `to`: who shall speak, if not those who
    did."""

    to: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ClearConversation:
    """Forget the history."""


@dataclass(frozen=True, slots=True)
class Ping:
    """Answered by `Pong` with the same nonce."""

    nonce: str | int | float | None


Edit = AddLine | RemoveLine | ShowLine | TruncateLine
"""What is done to the conversation by hand."""

Command = (
    Microphone
    | Commit
    | DiscardAudio
    | Say
    | Interrupt
    | Respond
    | AddLine
    | RemoveLine
    | ShowLine
    | TruncateLine
    | PlaybackPosition
    | Leave
    | Return
    | ShowEngines
    | Configure
    | Greet
    | Regenerate
    | ClearConversation
    | Ping
)
