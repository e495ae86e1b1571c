"""Who said what, and what of it was heard.

Memory holds what the listener heard, nothing else: an interrupted reply ends at the word that was reached, a reply
nobody heard leaves no trace. Knows nothing of what is told to whom, of audio or of sockets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

from backend.lines import Line, NoteLine, PersonLine, ReplyLine, Summary, new_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from backend.characters import Character

MAX_LINES = 400
"""Lines kept in memory."""

FORGOTTEN_AT_ONCE = 100
"""The oldest lines are forgotten in blocks, so that prompts begin alike for many turns."""


class Conversation:
    """The lines so far, oldest first."""

    def __init__(self) -> None:
        self.id = uuid4().hex
        self.user_name = "User"
        self.talking_with: Character | None = None
        """Whom the person heard last, or addressed since."""
        self.summary: Summary | None = None
        self._lines: list[Line] = []
        self._taken_out: set[str] = set()
        self._kept_in: Conversation | None = None

    def restore(self, id: str, lines: Iterable[Line], summary: Summary | None) -> None:
        """Go on with the conversation of that id, which has come to these lines; `summary` stands for the first."""
        self.id, self.summary = id, summary
        self._lines = list(lines)[-MAX_LINES:]

    def taken_out(self) -> set[str]:
        """Ids of the lines that were removed since this was last asked; those forgotten for their age do not count."""
        taken_out, self._taken_out = self._taken_out, set()
        return taken_out

    def fork(self) -> Conversation:
        """The same conversation, to go on in a way that may come to nothing. Lines there are by now are shared."""
        fork = Conversation()
        fork.id, fork.user_name, fork.talking_with = self.id, self.user_name, self.talking_with
        fork._lines, fork.summary = list(self._lines), self.summary
        fork._taken_out = self._taken_out
        return fork

    def aside(self, lines: Iterable[Line] | None, *, kept: bool) -> Conversation:
        """This conversation as somebody sees it to whom only `lines` were told (`None`: all). What is answered there is
        added here too if it is `kept`."""
        aside = self.fork()
        if lines is not None:
            aside._lines, aside.summary = list(lines), None
        aside._kept_in = self if kept else None
        return aside

    def add_person(self, text: str, to: Sequence[str] = (), *, spoken: bool = False, id: str = "") -> PersonLine:
        """The person said `text`; returns the line."""
        line = PersonLine(text, tuple(to), id or new_id(), spoken)
        self.add(line)
        return line

    def add(self, line: Line, after: int | None = None) -> None:
        """`line` comes after the one at place `after`, -1 being the beginning; at the end if that is not given."""
        self._lines.insert(len(self._lines) if after is None else after + 1, line)
        if len(self._lines) > MAX_LINES:
            del self._lines[:FORGOTTEN_AT_ONCE]
        if self._kept_in is not None:
            self._kept_in.add(line)

    def place(self, id: str) -> int | None:
        """Where the line with that id stands, counted from 0."""
        return next((place for place, line in enumerate(self._lines) if line.id == id), None)

    def line(self, place: int) -> Line:
        """The line that stands there."""
        return self._lines[place]

    @property
    def lines(self) -> Sequence[Line]:
        """All of them, oldest first."""
        return self._lines

    @property
    def unsummarised(self) -> Sequence[Line]:
        """Those that the summary does not stand for."""
        place = self.place(self.summary.to) if self.summary else None
        return self._lines if place is None else self._lines[place + 1 :]

    @property
    def last_heard(self) -> ReplyLine | None:
        """The newest reply of which anything was heard, or is about to be."""
        replies = (line for line in reversed(self._lines) if isinstance(line, ReplyLine) and line.remembered)
        return next(replies, None)

    @property
    def last_of_person(self) -> PersonLine | None:
        """What the person said last."""
        return next((line for line in reversed(self._lines) if isinstance(line, PersonLine)), None)

    @property
    def last_id(self) -> str | None:
        """The newest line's id, a reply of which nothing is written yet left out: nobody knows of it."""
        return next((line.id for line in reversed(self._lines) if not _is_empty(line)), None)

    def remove(self, place: int) -> None:
        """Forget the line that stands there, and what was made of it."""
        covered_to = self.place(self.summary.to) if self.summary else None
        if covered_to is not None and place <= covered_to:
            self.summary = None
        self._taken_out.add(self._lines.pop(place).id)

    def clear(self) -> None:
        """Forget everything."""
        self._taken_out.update(line.id for line in self._lines)
        self._lines.clear()
        self.summary = None

    def take_back(self, place: int) -> None:
        """Forget what characters said and did from that place on."""
        rest = self._lines[place:]
        self._lines[place:] = [line for line in rest if isinstance(line, PersonLine | NoteLine)]
        self._taken_out.update(line.id for line in rest if not isinstance(line, PersonLine | NoteLine))
        if self.summary is not None and self.place(self.summary.to) is None:
            self.summary = None

    def summarise(self, summary: Summary, covered: Sequence[Line]) -> bool:
        """`summary` stands for `covered` from now on, and for what the summary before it stood for. False, and nothing
        has changed, unless those are the oldest lines that none stands for yet."""
        oldest = self.unsummarised[: len(covered)]
        if not covered or [line.id for line in oldest] != [line.id for line in covered]:
            return False
        self.summary = summary
        return True


def _is_empty(line: Line) -> bool:
    return isinstance(line, ReplyLine) and line.outcome is None and not line.text
