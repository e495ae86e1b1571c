"""Which lines a prompt has room for.

The oldest are left out in blocks, so that prompts begin alike for many turns and servers can reuse what they computed
of them.
"""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING

from backend.lines import CallLine, NoteLine, PersonLine, ReplyLine, ResultLine
from backend.tokens import estimated_tokens

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backend.lines import Line

BLOCKS = 4
"""The room of a prompt is so many blocks."""

_AROUND_TOKENS = 12
"""Taken by a message, or by the label of a line."""

_CUT_MARK_TOKENS = 48
"""Taken by what says that a line was cut off."""


def line_tokens(line: Line, user_name: str) -> int:
    """How much a line takes at most, whoever is told it."""
    match line:
        case PersonLine():
            said, around = f"{user_name}{line.text}", _AROUND_TOKENS
        case ReplyLine():
            said = f"{line.character.name}{line.remembered}"
            around = _AROUND_TOKENS + _CUT_MARK_TOKENS * line.cut_off
        case NoteLine():
            said, around = line.text, _AROUND_TOKENS
        case CallLine():
            said, around = f"{line.name}{line.arguments}", 2 * _AROUND_TOKENS
        case ResultLine():
            said, around = line.output, _AROUND_TOKENS
    return estimated_tokens(said) + around


def left_out(tokens: Sequence[int], room: int) -> int:
    """How many of the oldest lines, which take so many `tokens` each, are left out for the rest to fit into `room`. The
    newest always stays."""
    total = sum(tokens)
    excess = total - room
    if excess <= 0:
        return 0
    block = max(1, room // BLOCKS)
    leave = min(-(-excess // block) * block, total)
    whole_blocks = next(count for count, before in enumerate(accumulate(tokens), 1) if before >= leave)
    return min(whole_blocks, len(tokens) - 1)
