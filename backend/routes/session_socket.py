"""A session for as long as a WebSocket lives, whatever is spoken on it."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from fastapi import WebSocket

    from backend.session import Session

log = logging.getLogger(__name__)

CLOSE_INTERNAL = 1011
CLOSE_ELSEWHERE = 4409


async def live(websocket: WebSocket, session: Session, *carriers: Coroutine[None, None, None]) -> None:
    """Run the session and what carries it (reading, sending) until one of them ends; then all have ended."""
    living = asyncio.create_task(session.run(), name=session.id)
    carrying = [asyncio.create_task(carrier, name=f"{session.id} carrier") for carrier in carriers]
    tasks = (living, *carrying)
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    if not living.cancelled() and living.exception() is not None:
        log.error("session failed", extra={"session": session.id}, exc_info=living.exception())
        await websocket.close(CLOSE_INTERNAL, "the session failed; this is a fault of the server")
    for task in carrying:
        if not task.cancelled() and task.exception() is not None:
            raise task.exception()  # pyright: ignore[reportGeneralTypeIssues]
