"""A session's mailbox: what clients send waits for room, what the session's own parts report never does."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class Mailbox(Generic[T]):
    """A queue with one reader. `limit` bounds what `post` may leave unread; a slow session thereby slows its client."""

    def __init__(self, limit: int = 64) -> None:
        self._items: deque[T] = deque()
        self._limit = limit
        self._arrived = asyncio.Event()
        self._room = asyncio.Event()

    async def post(self, item: T) -> None:
        """Add an item from outside, waiting while the mailbox is full."""
        while len(self._items) >= self._limit:
            self._room.clear()
            await self._room.wait()
        self.note(item)

    def note(self, item: T) -> None:
        """Add an item from within; these are few and bounded by what the session itself has started."""
        self._items.append(item)
        self._arrived.set()

    async def take(self) -> T:
        """The oldest item, waiting for one."""
        while not self._items:
            self._arrived.clear()
            await self._arrived.wait()
        item = self._items.popleft()
        self._room.set()
        return item
