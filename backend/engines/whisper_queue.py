"""Who may use the model next. Knows nothing of what it is used for."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator


@dataclass(frozen=True, slots=True, eq=False)
class _Claim:
    rank: int
    turn: asyncio.Future[None]


class FairQueue:
    """One holder at a time: the claim of the lowest rank first, and among equals the one that came first.

    Whoever claims again after each turn therefore goes behind all others of that rank that are waiting.
    """

    def __init__(self) -> None:
        self._held = False
        self._waiting: list[_Claim] = []
        """In order of arrival."""

    @property
    def idle(self) -> bool:
        """Whether nobody has the turn, and so nobody waits for it."""
        return not self._held

    @asynccontextmanager
    async def turn(self, rank: int) -> AsyncGenerator[None]:
        """Wait for the turn, and have it for the length of the block. A claim that is cancelled never gets it."""
        await self._wait(rank)
        try:
            yield
        finally:
            self._pass_on()

    async def _wait(self, rank: int) -> None:
        if not self._held:
            self._held = True
            return
        claim = _Claim(rank, asyncio.get_running_loop().create_future())
        self._waiting.append(claim)
        try:
            await claim.turn
        except asyncio.CancelledError:
            # Unless the turn came together with the cancellation, `_pass_on` finds the claim cancelled.
            if not claim.turn.cancelled():
                self._pass_on()
            raise

    def _pass_on(self) -> None:
        self._waiting = [claim for claim in self._waiting if not claim.turn.cancelled()]
        self._held = bool(self._waiting)
        if self._waiting:
            # `min` returns the first of equals.
            chosen = min(self._waiting, key=lambda claim: claim.rank)
            self._waiting.remove(chosen)
            chosen.turn.set_result(None)
