"""The prompt of one character: what it is told, what was said, and last what it knows of that.

The messages of one turn begin with those of the turn before, up to its last lines, unless lines were summarised or left
out in between: what changes from turn to turn stands at the end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from backend.engines.interfaces import Message
from backend.lines import NoteLine, PersonLine, ReplyLine
from backend.lorebook import told
from backend.macros import expand
from backend.prompting.cropping import beginning
from backend.prompting.dialogue import dialogue
from backend.prompting.system_prompt import system_prompt
from backend.prompting.window import left_out, line_tokens
from backend.tokens import estimated_tokens

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backend.characters import Character
    from backend.conversation import Conversation
    from backend.lines import Line
    from backend.prompting.situation import Situation

SUMMARY_TOKENS = 300
"""As long as a summary may be, where there is room for it."""

_HEADINGS_TOKENS = 40
"""Taken by what stands above the summary, in front of the first line and above the aside."""


@dataclass(frozen=True, slots=True)
class Shares:
    """How a prompt's tokens are shared out."""

    lines: int
    notes: int
    summary: int
    aside: int

    @property
    def longest_line(self) -> int:
        """Of a line that takes more the middle is left out."""
        return self.lines // 2


def messages_for(character: Character, conversation: Conversation, situation: Situation) -> list[Message]:
    """What `character` is told before its next line: the system's message first, then user and assistant by turns. It
    is at most as long as the situation says."""
    user_name = conversation.user_name
    system = system_prompt(character, situation, user_name)
    shares = _shares(character, conversation, situation, system)
    lines = conversation.unsummarised
    out = left_out([min(line_tokens(line, user_name), shares.longest_line) for line in lines], shares.lines)
    while out < len(lines) and isinstance(lines[out], NoteLine):
        out += 1
    shown = lines[out:]
    before = conversation.lines[: len(conversation.lines) - len(shown)]
    parts = [system, *_newest_notes(before, shares.notes)]
    if conversation.summary is not None:
        parts.append(f"What happened before:\n{beginning(conversation.summary.text, shares.summary)}")
    messages = [Message(role="system", content="\n\n".join(parts))]
    messages += dialogue(shown, character, user_name, named=len(situation.cast) > 1, longest=shares.longest_line)
    said = [text for line in lines if (text := _said(line))] if character.persona.lorebook.entries else ()
    add_aside(messages, character, said, user_name, shares.aside)
    return messages


def room_for_lines(character: Character, conversation: Conversation, situation: Situation) -> int:
    """The tokens that the prompts of this character have for what was said."""
    system = system_prompt(character, situation, conversation.user_name)
    return _shares(character, conversation, situation, system).lines


def add_aside(
    messages: list[Message], character: Character, said: Sequence[str], user_name: str, tokens: int | None = None
) -> None:
    """Add to the last message of the user what only `character` is told: the lore that was called up by what was
    `said`, the newest last, and the last instructions of its card. At most `tokens` of it."""
    card = character.persona
    always = told(card.lorebook, ())
    called = [entry for entry in told(card.lorebook, said) if entry not in always]
    parts = (expand(text, character.name, user_name).strip() for text in (*called, card.post_history_instructions))
    text = "\n".join(part for part in parts if part)
    if tokens is not None:
        text = beginning(text, tokens)
    last = messages[-1]
    if not text or last["role"] == "tool":
        return  # what follows a function's result is the answer to it
    aside = f"[Note to {character.name}, which nobody else reads]\n{text}"
    if last["role"] == "user":
        messages[-1] = Message(role="user", content=f"{last['content']}\n\n{aside}")
    else:
        messages.append(Message(role="user", content=aside))


def _shares(character: Character, conversation: Conversation, situation: Situation, system: str) -> Shares:
    """The same from turn to turn, whatever lore is called up: else lines would come and go at the front."""
    card, total = character.persona, situation.tokens
    lore = card.lorebook.token_budget if any(not entry.constant for entry in card.lorebook.entries) else 0
    aside = min(estimated_tokens(card.post_history_instructions) + lore, total // 4)
    summary = min(SUMMARY_TOKENS, total // 8)
    rest = max(0, total - estimated_tokens(system) - aside - summary - _HEADINGS_TOKENS)
    noted = [line_tokens(line, "") for line in conversation.lines if isinstance(line, NoteLine)]
    notes = min(sum(noted), rest // 2)
    return Shares(rest - notes, notes, summary, aside)


def _newest_notes(lines: Sequence[Line], tokens: int) -> list[str]:
    """The instructions among `lines`, oldest first; where they take more than `tokens`, the newest of them."""
    kept: list[str] = []
    for line in reversed(lines):
        if isinstance(line, NoteLine):
            tokens -= line_tokens(line, "")
            if tokens < 0:
                break
            kept.append(line.text)
    return kept[::-1]


def _said(line: Line) -> str:
    match line:
        case PersonLine():
            return line.text
        case ReplyLine():
            return line.remembered
        case _:
            return ""
