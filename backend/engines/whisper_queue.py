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
        """Wait for the turn, and have it for the length of the block. A claim that is cancelled is out of the queue."""
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
            if claim in self._waiting:
                self._waiting.remove(claim)
            else:
                self._pass_on()  # the turn came together with the cancellation
            raise

    def _pass_on(self) -> None:
        # A claim is cancelled one step before its task takes it out of the queue.
        live = [claim for claim in self._waiting if not claim.turn.done()]
        if not live:
            self._held = False
            return
        # `min` returns the first of equals.
        chosen = min(live, key=lambda claim: claim.rank)
        self._waiting.remove(chosen)
        chosen.turn.set_result(None)
