"""What a conversation is made of. Knows nothing of who is asked next, of audio, or of sockets."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import uuid4

if TYPE_CHECKING:
    from backend.characters import Character
    from backend.events import Outcome
    from backend.heard import SpokenReply


def new_id(kind: str = "msg") -> str:
    """A name that nothing else has."""
    return f"{kind}_{uuid4().hex[:16]}"


@dataclass(slots=True)
class PersonLine:
    """Something the person said or typed."""

    text: str
    to: tuple[str, ...] = ()
    id: str = field(default_factory=new_id)
    spoken: bool = False


@dataclass(slots=True)
class NoteLine:
    """Something nobody said: an instruction to whoever speaks next."""

    text: str
    id: str = field(default_factory=new_id)


@dataclass(slots=True)
class ReplyLine:
    """A character's reply while and after it is spoken. `outcome` is `None` as long as it can still be heard."""

    character: Character
    id: str = field(default_factory=new_id)
    text: str = ""
    heard_text: str = ""
    """The beginning of `text` that was heard; settled when the reply is over."""
    outcome: Outcome | None = None
    spoken: SpokenReply | None = None
    """Its sound; `None` for what was only written."""

    @property
    def remembered(self) -> str:
        """How others remember it: an open reply as written (it is about to be heard), a closed one as heard."""
        return self.text if self.outcome is None else self.heard_text

    @property
    def cut_off(self) -> bool:
        """True when the listener did not hear the end."""
        return self.outcome is not None and len(self.heard_text) < len(self.text.rstrip())


@dataclass(slots=True)
class CallLine:
    """A character called a function of the client's; `arguments` is JSON."""

    character: Character
    call_id: str
    name: str
    arguments: str
    id: str = field(default_factory=lambda: new_id("fc"))


@dataclass(slots=True)
class ResultLine:
    """What a call came to."""

    call_id: str
    output: str
    id: str = field(default_factory=lambda: new_id("fco"))


@dataclass(frozen=True, slots=True)
class Summary:
    """What happened up to the line with the id `to`, that one included."""

    text: str
    to: str


Line = PersonLine | NoteLine | ReplyLine | CallLine | ResultLine
