"""The rolling summary: when the lines of a conversation fill most of a prompt's room, the oldest half is told in short.

It is made beside the conversation, never waited for, and given up when it cannot be had: prompts then leave out lines.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from backend.conversation import MAX_LINES
from backend.engines.interfaces import Generation, Message
from backend.errors import EngineError
from backend.lines import PersonLine, ReplyLine, Summary
from backend.prompting.cropping import beginning, middle_cropped
from backend.prompting.messages import SUMMARY_TOKENS, room_for_lines
from backend.prompting.window import line_tokens
from backend.tokens import estimated_tokens

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from backend.conversation import Conversation
    from backend.engines.interfaces import LanguageModel
    from backend.lines import Line
    from backend.prompting.situation import Situation

log = logging.getLogger(__name__)

MADE_WITHIN_S = 60.0
"""A language model that takes longer is given up on."""

TASK = (
    "You keep the record of a conversation, so that those who take part know what happened before. Write plain prose, "
    "in the third person and the past tense, at most 150 words. Keep names, facts, promises, open questions, and how "
    "people stand to each other. Leave out small talk, and add nothing that was not said."
)
_FOR_REPLIES = ("tools", "tool_choice", "parallel_tool_calls", "response_format", "stop", "max_completion_tokens")
_DIGEST_WORDS = 8
_DIGEST_CHARACTERS = 60
DIGEST = "(Not a summary, for want of a language model: how earlier lines begin.)"


class Summaries:
    """Makes the summaries of one session, one at a time. `account` is told what came of each."""

    def __init__(self, session: str, llm: LanguageModel, account: Callable[[Literal["made", "failed"]], None]) -> None:
        self._session = session
        self._llm = llm
        self._account = account
        self._task: asyncio.Task[None] | None = None

    def begin(self, conversation: Callable[[], Conversation], situation: Situation, generation: Generation) -> None:
        """Make one if one is due and none is under way. It becomes the summary of what `conversation` is by then, if
        the lines it stands for are still there."""
        if self._task is not None:
            return
        covered = due(conversation(), situation)
        if covered is not None:
            making = self._make(conversation, covered, _plain(generation))
            self._task = asyncio.create_task(making, name=f"{self._session} summary")
            self._task.add_done_callback(self._ended)

    async def stop(self) -> None:
        """Give up what is under way. When this returns the language model has stopped."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait((self._task,))

    def _ended(self, task: asyncio.Task[None]) -> None:
        """A bug costs the summary, not the session."""
        error = None if task.cancelled() else task.exception()
        if error is not None:
            log.error("summary failed", extra={"session": self._session}, exc_info=error)

    async def _make(self, conversation: Callable[[], Conversation], covered: Covered, generation: Generation) -> None:
        before = conversation().summary
        earlier = before.text if before else ""
        try:
            if self._llm.stand_in:
                text = digest(earlier, covered.said)
            else:
                text = await self._written(request(earlier, covered.said), generation)
        except (EngineError, TimeoutError) as error:
            self._account("failed")
            log.warning("summary failed", extra={"session": self._session, "reason": type(error).__name__})
        else:
            now = conversation()
            if now.summary is before and now.summarise(Summary(text, covered.lines[-1].id), covered.lines):
                self._account("made")
        finally:
            self._task = None

    async def _written(self, messages: list[Message], generation: Generation) -> str:
        """What the language model makes of it. Raises `EngineError` and `TimeoutError`."""
        text = ""
        async with asyncio.timeout(MADE_WITHIN_S), aclosing(self._llm.stream(messages, generation)) as pieces:
            async for piece in pieces:
                if isinstance(piece, str):
                    text += piece
                if estimated_tokens(text) > SUMMARY_TOKENS:
                    break
        summary = beginning(text.strip(), SUMMARY_TOKENS)
        if not summary:
            raise EngineError("llm", "the summary is empty")
        return summary


@dataclass(frozen=True, slots=True)
class Covered:
    """`lines` that a summary is to stand for, and what was `said` in them, with names."""

    lines: Sequence[Line]
    said: Sequence[str]


def due(conversation: Conversation, situation: Situation) -> Covered | None:
    """What is to be summarised now: the oldest half of the lines, once all of them take more than two thirds of the
    room that there is for them. What can still be heard is never among it."""
    lines, user_name = conversation.unsummarised, conversation.user_name
    room = min(room_for_lines(character, conversation, situation) for character in situation.cast)
    tokens = [min(line_tokens(line, user_name), room // 2) for line in lines]
    if sum(tokens) <= room * 2 // 3 and len(lines) <= MAX_LINES // 2:
        return None
    count, taken = 0, 0
    for line, more in zip(lines[:-1], tokens, strict=False):
        is_open = isinstance(line, ReplyLine) and line.outcome is None
        if is_open or taken >= sum(tokens) // 2 or taken + more > situation.tokens // 2:
            break
        count, taken = count + 1, taken + more
    said = [middle_cropped(text, room // 2) for line in lines[:count] if (text := _said(line, user_name))]
    return Covered(lines[:count], said) if count else None


def request(earlier: str, said: Sequence[str]) -> list[Message]:
    """What the language model is asked."""
    parts = ("What was said:", *said, "", "Write the record.")
    if earlier:
        parts = ("The record so far:", earlier, "", *parts[:-1], "Write the whole record anew, with both in it.")
    return [Message(role="system", content=TASK), Message(role="user", content="\n".join(parts))]


def digest(earlier: str, said: Sequence[str]) -> str:
    """What can be told without a language model: how each line began. `earlier` is a digest too; as much of it is kept
    as there is room for."""
    beginnings = [" ".join(text.split()[:_DIGEST_WORDS])[:_DIGEST_CHARACTERS] for text in said]
    entries = [*earlier.split("\n")[1:], *(f"{beginning}…" for beginning in beginnings)]
    while entries and estimated_tokens("\n".join((DIGEST, *entries))) > SUMMARY_TOKENS:
        del entries[0]
    return "\n".join((DIGEST, *entries))


def _said(line: Line, user_name: str) -> str:
    match line:
        case PersonLine() if line.text:
            return f"{user_name}: {line.text}"
        case ReplyLine() if line.remembered:
            return f"{line.character.name}: {line.remembered}"
        case _:
            return ""


def _plain(generation: Generation) -> Generation:
    """The same model, asked for nothing but text."""
    extra = {name: value for name, value in generation.extra.items() if name not in _FOR_REPLIES}
    return replace(generation, max_tokens=None, extra=extra)
