"""Lines as one character sees them: its own as the assistant's, everybody else's as the user's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backend.engines.interfaces import Message
from backend.lines import CallLine, NoteLine, PersonLine, ReplyLine, ResultLine
from backend.prompting.cropping import middle_cropped
from backend.prompting.window import line_tokens
from backend.tokens import estimated_tokens

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backend.characters import Character
    from backend.lines import Line

OPENING = "[The conversation goes on.]"
"""In front of a character's own line that would stand first: strict chat templates want the user's there."""

_LAST_WORDS = 4
_LAST_CHARACTERS = 40


def dialogue(  # noqa: C901
    lines: Sequence[Line], character: Character, user_name: str, *, named: bool, longest: int
) -> list[Message]:
    """The messages, user and assistant by turns (neighbouring lines of one role are joined), which strict chat
    templates require. `named`: whether lines need names in front. Calls of functions are left out until there is a
    result; of a line longer than `longest` tokens the middle is."""
    messages: list[Message] = []
    results = {line.call_id: line for line in lines if isinstance(line, ResultLine)}
    cut: str | None = None

    def fitting(text: str, line: Line) -> str:
        taken = line_tokens(line, user_name)
        return text if taken <= longest else middle_cropped(text, longest - taken + estimated_tokens(text))

    for line in lines:
        match line:
            case PersonLine() if line.text:
                note = f'[cutting you off after "{cut}"] ' if cut is not None else ""
                said = note + fitting(line.text, line)
                append_line(messages, "user", f"{user_name}: {said}" if named else said)
                cut = None
            case ReplyLine() if not line.remembered:
                continue
            case ReplyLine() if line.character.id == character.id:
                append_line(messages, "assistant", fitting(line.remembered, line))
                cut = _last_words(line.remembered) if line.cut_off else None
            case ReplyLine():
                broken = " [cut off]" if line.cut_off else ""
                append_line(messages, "user", f"{line.character.name}: {fitting(line.remembered, line)}{broken}")
            case CallLine() if line.character.id == character.id and line.call_id in results:
                if line_tokens(line, user_name) <= longest:
                    result = results[line.call_id]
                    messages += _call(line, fitting(result.output, result))
            case NoteLine() if line.text:
                append_line(messages, "user", f"[Instruction: {fitting(line.text, line)}]")
            case _:
                pass
    if messages and messages[0]["role"] == "assistant":
        messages.insert(0, Message(role="user", content=OPENING))
    return messages


def append_line(messages: list[Message], role: str, content: str) -> None:
    """Add a line, to the last message if that has the same role."""
    last = messages[-1] if messages else None
    if last is not None and last["role"] == role and "tool_calls" not in last:
        messages[-1] = Message(role=role, content=f"{last['content']}\n{content}")
    else:
        messages.append(Message(role=role, content=content))


def _call(line: CallLine, output: str) -> list[Message]:
    """A call and its result."""
    function = {"name": line.name, "arguments": line.arguments}
    call = {"id": line.call_id, "type": "function", "function": function}
    return [
        Message(role="assistant", content="", tool_calls=[call]),
        Message(role="tool", content=output, tool_call_id=line.call_id),
    ]


def _last_words(text: str) -> str:
    return " ".join(text.split()[-_LAST_WORDS:])[-_LAST_CHARACTERS:]
