"""What the person said, once it is known."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from backend.lines import new_id

if TYPE_CHECKING:
    from backend.events import Source


@dataclass(frozen=True, slots=True)
class Utterance:
    """What the person said and when; times are the session clock's."""

    text: str
    source: Source
    ended_at: float
    """End of the last voiced frame, or when the typed line came: the zero of the ledger."""
    decided_at: float
    transcribed_at: float
    to: tuple[str, ...] = ()
    """Ids of the characters addressed by hand."""
    ahead_s: float = 0.0
    """Seconds of recognition that had been done when the turn was decided."""
    discarded: bool = False
    """Whether the client wants it forgotten."""
    line: str = field(default_factory=new_id)
    """The id it has in the conversation."""
