"""Who said what, and what of it was heard; and the messages one character sees of that.

Memory holds what the listener heard, nothing else: an interrupted reply ends at the word that was reached, a reply
nobody heard leaves no trace. Knows nothing of engines' inner workings, audio or sockets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

from backend.engines.interfaces import Message
from backend.lines import CallLine, Line, NoteLine, PersonLine, ReplyLine, ResultLine, new_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from backend.characters import Character

MAX_LINES = 400
"""Lines kept in memory; the oldest are forgotten first."""


class Conversation:
    """The lines so far, oldest first."""

    def __init__(self) -> None:
        self.id = uuid4().hex
        self.user_name = "User"
        self.talking_with: Character | None = None
        """Whom the person heard last, or addressed since."""
        self._lines: list[Line] = []
        self._taken_out: set[str] = set()
        self._kept_in: Conversation | None = None

    @property
    def lines(self) -> Sequence[Line]:
        """The lines, oldest first."""
        return self._lines

    def restore(self, id: str, lines: Iterable[Line]) -> None:
        """Go on with the conversation of that id, which has come to these lines."""
        self.id = id
        self._lines = list(lines)[-MAX_LINES:]

    def taken_out(self) -> set[str]:
        """Ids of the lines that were removed since this was last asked; those forgotten for their age do not count."""
        taken_out, self._taken_out = self._taken_out, set()
        return taken_out

    def fork(self) -> Conversation:
        """The same conversation, to go on in a way that may come to nothing. Lines there are by now are shared."""
        fork = Conversation()
        fork.id, fork.user_name, fork.talking_with = self.id, self.user_name, self.talking_with
        fork._lines = list(self._lines)
        fork._taken_out = self._taken_out
        return fork

    def aside(self, lines: Iterable[Line] | None, *, kept: bool) -> Conversation:
        """This conversation as somebody sees it to whom only `lines` were told (`None`: all). What is answered there is
        added here too if it is `kept`."""
        aside = self.fork()
        if lines is not None:
            aside._lines = list(lines)
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
        del self._lines[:-MAX_LINES]
        if self._kept_in is not None:
            self._kept_in.add(line)

    def place(self, id: str) -> int | None:
        """Where the line with that id stands, counted from 0."""
        return next((place for place, line in enumerate(self._lines) if line.id == id), None)

    def line(self, place: int) -> Line:
        """The line that stands there."""
        return self._lines[place]

    @property
    def last_id(self) -> str | None:
        """The newest line's id, a reply of which nothing is written yet left out: nobody knows of it."""
        return next((line.id for line in reversed(self._lines) if not _is_empty(line)), None)

    def remove(self, place: int) -> None:
        """Forget the line that stands there."""
        self._taken_out.add(self._lines.pop(place).id)

    def clear(self) -> None:
        """Forget everything."""
        self._taken_out.update(line.id for line in self._lines)
        self._lines.clear()

    def take_back_replies(self) -> PersonLine | None:
        """Remove all replies after the person's last line and return that line; `None` when there is none."""
        while self._lines and not isinstance(self._lines[-1], PersonLine):
            self.remove(len(self._lines) - 1)
        last = self._lines[-1] if self._lines else None
        return last if isinstance(last, PersonLine) else None

    def messages_for(self, character: Character, cast: Sequence[Character], *, aloud: bool = True) -> list[Message]:
        """The prompt for `character`: its own lines as assistant, everybody else's as user, names where a cast needs
        them. Roles alternate (neighbouring lines of one role are joined), which strict chat templates require. Calls
        are left out until there is a result. `aloud`: whether what is answered will be spoken."""
        messages = [Message(role="system", content=system_prompt(character, cast, self.user_name, aloud=aloud))]
        results = {line.call_id: line.output for line in self._lines if isinstance(line, ResultLine)}
        named = len(cast) > 1
        cut: str | None = None
        for line in self._lines:
            match line:
                case PersonLine() if line.text:
                    note = f'[cutting you off after "{cut}"] ' if cut is not None else ""
                    said = f"{self.user_name}: {note}{line.text}" if named else note + line.text
                    append_line(messages, "user", said)
                    cut = None
                case ReplyLine() if not line.remembered:
                    continue
                case ReplyLine() if line.character.id == character.id:
                    append_line(messages, "assistant", line.remembered)
                    cut = _last_words(line.remembered) if line.cut_off else None
                case ReplyLine():
                    broken = " [cut off]" if line.cut_off else ""
                    append_line(messages, "user", f"{line.character.name}: {line.remembered}{broken}")
                case CallLine() if line.character.id == character.id and line.call_id in results:
                    messages += _call(line, results[line.call_id])
                case NoteLine():
                    append_line(messages, "system", line.text)
                case _:
                    pass
        return messages


def system_prompt(character: Character, cast: Sequence[Character], user_name: str, *, aloud: bool = True) -> str:
    """What the language model is told: who it is, with whom it is, and, if it is, that it is heard, not read."""
    others = [other.name for other in cast if other.id != character.id]
    company = f" Also present: {', '.join(others)}. Never speak for them or for {user_name}." if others else ""
    person = character.system_prompt.strip() or f"You are {character.name}."
    heard = (
        " Your words are spoken aloud: plain sentences, no markup, no lists, no emoji. Be brief unless asked for more."
    )
    return (
        f"{person}\n\n"
        f"You are {character.name} in a {'spoken ' if aloud else ''}conversation with {user_name}.{company} "
        f"Say only {character.name}'s own next line, without a name in front.{heard if aloud else ''}"
    )


def append_line(messages: list[Message], role: str, content: str) -> None:
    """Add a line, to the last message if that has the same role."""
    last = messages[-1]
    if last["role"] == role and "tool_calls" not in last:
        messages[-1] = Message(role=role, content=f"{last['content']}\n{content}")
    else:
        messages.append(Message(role=role, content=content))


def _is_empty(line: Line) -> bool:
    return isinstance(line, ReplyLine) and line.outcome is None and not line.text


def _call(line: CallLine, output: str) -> list[Message]:
    """A call and its result."""
    function = {"name": line.name, "arguments": line.arguments}
    call = {"id": line.call_id, "type": "function", "function": function}
    return [
        Message(role="assistant", content="", tool_calls=[call]),
        Message(role="tool", content=output, tool_call_id=line.call_id),
    ]


def _last_words(text: str) -> str:
    return " ".join(text.split()[-4:])
