"""Who takes part, who said what, and what of it was heard; and the messages one character sees of that.

Memory holds what the listener heard, nothing else: an interrupted reply ends at the word that was reached, a reply
nobody heard leaves no trace. Knows nothing of engines' inner workings, audio or sockets.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import uuid4

from backend.engines.interfaces import Message

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backend.events import Outcome

MAX_LINES = 400
"""Lines kept in memory; the oldest are forgotten first."""


@dataclass(frozen=True, slots=True)
class Character:
    """A member of the cast. `voice` names a voice of the speech engine."""

    id: str
    name: str
    voice: str = ""
    system_prompt: str = ""
    interruptible: bool = True
    """Whether speaking up cuts this character off; otherwise what was said is answered when it has finished."""


@dataclass(slots=True)
class PersonLine:
    """Something the person said or typed."""

    text: str
    to: tuple[str, ...] = ()


@dataclass(slots=True)
class ReplyLine:
    """A character's reply while and after it is spoken. `outcome` is `None` as long as it can still be heard."""

    character: Character
    message_id: str
    text: str = ""
    heard_text: str = ""
    """The beginning of `text` that was heard; settled when the reply is over."""
    outcome: Outcome | None = None

    @property
    def remembered(self) -> str:
        """How others remember it: an open reply as written (it is about to be heard), a closed one as heard."""
        return self.text if self.outcome is None else self.heard_text

    @property
    def cut_off(self) -> bool:
        """True when the listener did not hear the end."""
        return self.outcome is not None and len(self.heard_text) < len(self.text.rstrip())


class Conversation:
    """The lines so far, oldest first."""

    def __init__(self) -> None:
        self.id = uuid4().hex
        self.user_name = "User"
        self.talking_with: Character | None = None
        """Whom the person heard last, or addressed since."""
        self._lines: list[PersonLine | ReplyLine] = []

    def fork(self) -> Conversation:
        """The same conversation, to go on in a way that may come to nothing. Lines there are by now are shared."""
        fork = Conversation()
        fork.id, fork.user_name, fork.talking_with = self.id, self.user_name, self.talking_with
        fork._lines = list(self._lines)
        return fork

    def add_person(self, text: str, to: Sequence[str] = ()) -> PersonLine:
        """The person said `text`; returns the line."""
        line = PersonLine(text, tuple(to))
        self._lines.append(line)
        del self._lines[:-MAX_LINES]
        return line

    def add_reply(self, line: ReplyLine) -> None:
        """A character begins to speak; the line is filled in as it goes."""
        self._lines.append(line)

    def clear(self) -> None:
        """Forget everything."""
        self._lines.clear()

    def take_back_replies(self) -> PersonLine | None:
        """Remove all replies after the person's last line and return that line; `None` when there is none."""
        while self._lines and isinstance(self._lines[-1], ReplyLine):
            self._lines.pop()
        last = self._lines[-1] if self._lines else None
        return last if isinstance(last, PersonLine) else None

    def messages_for(self, character: Character, cast: Sequence[Character]) -> list[Message]:
        """The prompt for `character`: its own lines as assistant, everybody else's as user, names where a cast needs
        them. Roles alternate (neighbouring lines of one role are joined), which strict chat templates require."""
        messages = [Message(role="system", content=system_prompt(character, cast, self.user_name))]
        named = len(cast) > 1
        cut: str | None = None
        for line in self._lines:
            match line:
                case PersonLine():
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
        return messages


def system_prompt(character: Character, cast: Sequence[Character], user_name: str) -> str:
    """What the language model is told: who it is, with whom it is, and that it is heard, not read."""
    others = [other.name for other in cast if other.id != character.id]
    company = f" Also present: {', '.join(others)}. Never speak for them or for {user_name}." if others else ""
    person = character.system_prompt.strip() or f"You are {character.name}."
    return (
        f"{person}\n\n"
        f"You are {character.name} in a spoken conversation with {user_name}.{company} "
        f"Say only {character.name}'s own next line, without a name in front. Your words are spoken aloud: plain "
        "sentences, no markup, no lists, no emoji. Be brief unless asked for more."
    )


def append_line(messages: list[Message], role: str, content: str) -> None:
    """Add a line, to the last message if that has the same role."""
    if messages[-1]["role"] == role:
        messages[-1] = Message(role=role, content=f"{messages[-1]['content']}\n{content}")
    else:
        messages.append(Message(role=role, content=content))


def _last_words(text: str) -> str:
    return " ".join(text.split()[-4:])
