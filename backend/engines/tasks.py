"""Ending tasks. Knows nothing of what they do."""

from __future__ import annotations

import asyncio
from typing import Any


async def stop(*tasks: asyncio.Task[Any] | None) -> None:
    """Cancel tasks, those that there are, and wait until they have ended; their outcome is of no interest any more."""
    present = [task for task in tasks if task is not None]
    for task in present:
        task.cancel()
    if present:
        await asyncio.wait(present)
    for task in present:
        if not task.cancelled():
            task.exception()
