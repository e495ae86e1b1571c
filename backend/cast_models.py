"""The cast as models that write chat completions: what they are called, who of them answers, and what the language
model is told then.

Knows nothing of wire formats, voices or sockets.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

from backend.director import choose_speakers
from backend.engines.interfaces import Message
from backend.errors import NotFound
from backend.prompting.dialogue import append_line
from backend.prompting.messages import add_aside
from backend.prompting.situation import Situation
from backend.prompting.system_prompt import system_prompt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backend.characters import Character

WHOLE_CAST = "cast"
ONE_CHARACTER = "character:"

PERSON = "User"


@dataclass(frozen=True, slots=True)
class Line:
    """A message, and the id of the character whose line it is, where it is known to be one's."""

    message: Message
    character: str | None = None


def cast_models(cast: Sequence[Character]) -> list[str]:
    """The names there are."""
    return [WHOLE_CAST, *(ONE_CHARACTER + character.id for character in cast)]


def company(model: str, cast: Sequence[Character]) -> tuple[Character, ...]:
    """Who may answer where this model is asked for; nobody for a model that is not of the cast. Raises `NotFound`."""
    if model == WHOLE_CAST:
        return tuple(cast)
    if not model.startswith(ONE_CHARACTER):
        return ()
    found = tuple(character for character in cast if ONE_CHARACTER + character.id == model)
    if not found:
        raise NotFound(f"there is no model {model!r}; there are {', '.join(cast_models(cast))}", "model")
    return found


def next_speaker(lines: Sequence[Line], present: Sequence[Character]) -> Character:
    """Who of `present` (at least one) answers now: whom the person's last message calls for, and of several the first
    who has not answered it yet."""
    asked = max((index for index, line in enumerate(lines) if line.message["role"] == "user"), default=-1)
    text = lines[asked].message["content"] if asked >= 0 else ""
    by_id = {character.id: character for character in present}
    before = [by_id[line.character] for line in lines[: asked + 1] if line.character in by_id]
    called = choose_speakers(text, present, Random(f"{asked} {text}"), last=before[-1] if before else None)
    answered = {line.character for line in lines[asked + 1 :] if "tool_calls" not in line.message}
    return next((character for character in called if character.id not in answered), called[0])


def messages_for(character: Character, present: Sequence[Character], lines: Sequence[Line]) -> list[Message]:
    """What `character` sees of `lines`: first its own prompt, with what the system messages at the beginning say; the
    lines of others as the person's, with their names."""
    names = {other.id: other.name for other in present}
    prompt = [system_prompt(character, Situation(present), PERSON)]
    rest = list(lines)
    while rest and rest[0].message["role"] == "system":
        prompt.append(rest.pop(0).message["content"])
    messages = [Message(role="system", content="\n\n".join(prompt))]
    for line in rest:
        message = line.message
        if line.character in names and line.character != character.id:
            if message["content"]:
                append_line(messages, "user", f"{names[line.character]}: {message['content']}")
        elif message["role"] == "user":
            name = f"{PERSON}: " if len(present) > 1 else ""
            append_line(messages, "user", name + message["content"])
        else:
            messages.append(message)
    add_aside(messages, character, [line.message["content"] for line in rest], PERSON)
    return messages
