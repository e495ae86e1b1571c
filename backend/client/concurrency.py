"""Work that runs beside other work."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from backend.errors import VoiceChatError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Coroutine


@asynccontextmanager
async def beside(*work: Coroutine[object, object, object]) -> AsyncGenerator[None]:
    """Run `work` beside the body, whose end cancels it. A `VoiceChatError` of either is raised as itself."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one) for one in work]
            yield
            for task in tasks:
                task.cancel()
    except BaseExceptionGroup as failures:
        deliberate, bugs = failures.split(VoiceChatError)
        if deliberate is None or bugs is not None:
            raise
        raise _first(deliberate) from None


def _first(group: BaseExceptionGroup[VoiceChatError]) -> VoiceChatError:
    error = group.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error
