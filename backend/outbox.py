"""The way out to one client: events in order, and words that are only shown never in the way of the voice."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Generic, TypeVar

from backend.events import EnginesChanged, ReplySentence, ReplyStarted, ReplyText, ReplyWords, TurnStarted

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

T = TypeVar("T")

GATHER_S = 0.005
"""How long announcements and captions may wait: less than a frame of any display."""

PATIENCE_S = 0.25
"""How long an event waits for what it comes after; what is put later waits with it."""

_CAN_WAIT = (TurnStarted, ReplyStarted, ReplyText, ReplySentence, ReplyWords, EnginesChanged)
"""Those of a turn fall due just when the next engine has to be asked. On a processor that was idle a moment ago
writing one to a socket takes up to half a millisecond, which would be a millisecond and a half of every time to first
audio."""


class Outbox(Generic[T]):
    """`put` events from any task while `run` is running. `send(event, at)` writes one, `at` being when it was put."""

    def __init__(self, send: Callable[[T, float], Awaitable[None]], clock: Callable[[], float]) -> None:
        self._send = send
        self._clock = clock
        self._waiting: deque[tuple[T, float, asyncio.Future[None] | None]] = deque()
        self._noted = 0
        self._told = 0
        self._one_writes = asyncio.Lock()
        self._due = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None

    async def put(self, event: T, after: asyncio.Future[None] | None = None) -> None:
        """Send `event` after all that were put before it; what can wait is only noted. One that comes `after` something
        else is sent when that is done, or has taken `PATIENCE_S`.

        A caller cancelled meanwhile has sent its event whole or not at all, and has lost nobody else's.
        """
        at = self._clock()
        if isinstance(event, _CAN_WAIT) or after is not None:
            self._waiting.append((event, at, after))
            self._noted += 1
            if after is not None:
                self._due.set()
            elif self._timer is None:
                self._timer = asyncio.get_running_loop().call_later(GATHER_S, self._due.set)
            return
        before = self._noted
        async with self._one_writes:
            await self._send_waiting(before)
            await self._send(event, at)

    async def run(self) -> None:
        """Send what waits when it is due, until cancelled."""
        try:
            while True:
                await self._due.wait()
                self._due.clear()
                self._timer = None
                async with self._one_writes:
                    await self._send_waiting(self._noted)
        finally:
            self._stop_timer()

    async def _send_waiting(self, count: int) -> None:
        """Send what waits of the first `count` events ever noted."""
        while self._told < count:
            event, at, after = self._waiting[0]
            if after is not None and not after.done():
                await asyncio.wait((after,), timeout=PATIENCE_S)
            await self._send(event, at)
            self._waiting.popleft()
            self._told += 1
        if not self._waiting:
            self._stop_timer()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
