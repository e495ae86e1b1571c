"""What every prompt of a turn has in common, and how long a prompt may be. Knows nothing of turns or sessions."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from backend.tokens import estimated_tokens

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backend.characters import Character
    from backend.engines.interfaces import Generation

CONTEXT_TOKENS = 8192
REPLY_TOKENS = 512
"""Kept free for a reply whose length nobody has limited."""


@dataclass(frozen=True, slots=True)
class Situation:
    """Who is present, in scene order, and where. A prompt takes at most `tokens`, estimated."""

    cast: Sequence[Character]
    scene: str = ""
    aloud: bool = True
    """Whether what is written will be spoken."""
    tokens: int = CONTEXT_TOKENS - REPLY_TOKENS


def prompt_tokens(context_tokens: int, generation: Generation) -> int:
    """How long a prompt may be, where it and its reply, with the functions that may be called, may take
    `context_tokens` together. At least half of that is left to it."""
    asked = generation.max_tokens or generation.extra.get("max_completion_tokens")
    taken = asked if isinstance(asked, int) else REPLY_TOKENS
    if tools := generation.extra.get("tools"):
        taken += estimated_tokens(json.dumps(tools))
    return context_tokens - min(taken, context_tokens // 2)
