"""One character's reply while its turn is alive: what ties its text, its audio and its account together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from backend.characters import Character
    from backend.heard import SpokenReply
    from backend.ledger import Ledger
    from backend.lines import ReplyLine


@dataclass(slots=True, eq=False)
class Reply:
    """`index` counts from 0 within turn number `turn`."""

    turn: int
    index: int
    line: ReplyLine
    spoken: SpokenReply
    ledger: Ledger
    begun: bool = False
    """True once `reply.started` was sent."""
    sent: bool = False
    """True once the listener has everything, heard or not."""
    announced: bool = False
    """True once `reply.done` was sent."""

    @property
    def character(self) -> Character:
        """Who speaks."""
        return self.line.character
