"""Events of a turn that may come to nothing, held back until it is certain. Knows nothing of why."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from backend.events import AudioFrame

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from backend.events import Event


class HeldEvents:
    """Stands in front of `emit`. What is put before the release is kept and then emitted first, in order.

    Audio is not kept: whoever puts it waits for the release, so that no more is made ahead than the turn's queues hold,
    and playback begins when it does.
    """

    def __init__(self, emit: Callable[[Event], Awaitable[None]]) -> None:
        self._emit = emit
        self._held: deque[Event] = deque()
        self._released = asyncio.Event()

    async def put(self, event: Event) -> None:
        """Emit `event` once it may be seen."""
        if isinstance(event, AudioFrame):
            await self._released.wait()
        if self._released.is_set():
            await self._emit(event)
        else:
            self._held.append(event)

    async def release(self) -> None:
        """Emit what was held; from now on events pass through."""
        while self._held:
            await self._emit(self._held.popleft())
        self._released.set()
