"""A writer without a model: answers by rules, from the character's prompt and from what was said.

It stands in where no language model is configured, so that everything around it works and can be tried. It says so,
and it never states anything about the world that it was not told.
"""

from __future__ import annotations

import asyncio
import math
import re
from datetime import datetime
from typing import TYPE_CHECKING

from backend.engines.interfaces import Finish
from backend.engines.offline_writer.composition import compose

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Sequence
    from types import TracebackType
    from typing import Self

    from backend.engines.interfaces import Generation, Message, Written

TALKING_PIECES_PER_S = 32.0
"""A word a piece, well ahead of any voice and still visibly word by word."""

_PIECE = re.compile(r"\s*\S+")
_ENDS = (".", "!", "?", '."', '!"', '?"')


class OfflineLanguageModel:
    """The language model's offline stand-in.

    `pieces_per_s`: pace of the stream, `math.inf` for no pause at all. `now`: the clock asked when somebody asks the
    time or the date.
    """

    name = "offline"
    stand_in = True
    ready = True
    detail = "stand-in without a language model: answers by rules from the conversation itself"

    def __init__(self, pieces_per_s: float = TALKING_PIECES_PER_S, now: Callable[[], datetime] = datetime.now) -> None:
        self._pause_s = 0.0 if math.isinf(pieces_per_s) else 1.0 / pieces_per_s
        self._now = now

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    async def stream(self, messages: Sequence[Message], generation: Generation) -> AsyncGenerator[Written]:
        """Yield the reply word by word, the first at once. Of `generation` only `max_tokens`, by either of its names,
        counts: the reply ends with the last whole sentence of at most so many pieces."""
        most = generation.max_tokens or generation.extra.get("max_completion_tokens")
        written = _PIECE.findall(compose(messages, self._now()))
        pieces = _capped(written, most if isinstance(most, int) else None)
        clock = asyncio.get_running_loop().time
        started = clock()
        for index, piece in enumerate(pieces):
            if index and self._pause_s:
                await asyncio.sleep(max(0.0, started + index * self._pause_s - clock()))
            yield piece
        if len(pieces) < len(written):
            yield Finish("length")


def _capped(pieces: list[str], most: int | None) -> list[str]:
    """At most `most` pieces, ending with a sentence where one ends among them."""
    if most is None or most < 1 or len(pieces) <= most:
        return pieces
    kept = pieces[:most]
    ends = [index + 1 for index, piece in enumerate(kept) if piece.endswith(_ENDS)]
    return kept[: ends[-1]] if ends else kept
