"""A writer that says what it was given, word for word: a greeting of a character card."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from backend.engines.interfaces import Generation, Message, Written

_PIECE = re.compile(r"\s*\S+")


class Recital:
    """Writes `text`."""

    def __init__(self, text: str) -> None:
        self._pieces = _PIECE.findall(text)

    async def stream(self, messages: Sequence[Message], generation: Generation) -> AsyncGenerator[Written]:
        """See `Writer.stream`; all of it is there at once."""
        for piece in self._pieces:
            yield piece
