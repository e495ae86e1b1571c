"""A turn begun on what the person will probably turn out to have said.

It has a copy of the conversation and its events are held back, so nobody can tell that it exists: when it is dropped,
nothing has happened. Knows nothing of microphones or of when to begin.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from backend.pipelines.spoken_words import same_meaning

if TYPE_CHECKING:
    import asyncio

    from backend.conversation import Conversation
    from backend.held_events import HeldEvents
    from backend.lines import PersonLine
    from backend.turn import Turn


@dataclass(slots=True, eq=False)
class Speculation:
    """`turn`, run by `task`, answers `line`, the person's in `conversation`, and its events wait in `events`."""

    turn: Turn
    task: asyncio.Task[None]
    conversation: Conversation
    line: PersonLine
    events: HeldEvents

    def answers(self, text: str) -> bool:
        """Whether this is an answer to `text`, and has not failed."""
        failed = self.task.done() and (self.task.cancelled() or self.task.exception() is not None)
        return not failed and same_meaning(self.line.text, text)
