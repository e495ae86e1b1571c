"""`WS /ws`: carries the native protocol between a socket and a session."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING

from fastapi import APIRouter, WebSocket, WebSocketDisconnect

from backend.errors import AtCapacity, InvalidRequest, Unauthorized
from backend.events import ErrorRaised
from backend.outbox import Outbox
from backend.protocols import native
from backend.routes.auth import presented_key
from backend.session import Session

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from backend.events import Event
    from backend.server import Server

log = logging.getLogger(__name__)
router = APIRouter()

CLOSE_UNAUTHORIZED = 4401
CLOSE_AT_CAPACITY = 4429
CLOSE_TOO_LARGE = 1009
CLOSE_INTERNAL = 1011


class _TooLarge(Exception):
    """An audio frame beyond the protocol's limit."""


@router.websocket("/ws")
async def native_socket(websocket: WebSocket) -> None:
    """One session for as long as the socket lives."""
    server: Server = websocket.app.state.server
    await websocket.accept()
    try:
        server.check_origin(websocket.headers.get("origin"), websocket.headers.get("host"))
        server.authorize(presented_key(websocket))
        with server.admitted():
            await _serve(websocket, server)
    except Unauthorized as error:
        await websocket.close(CLOSE_UNAUTHORIZED, str(error))
    except AtCapacity as error:
        await websocket.close(CLOSE_AT_CAPACITY, str(error))
    except _TooLarge:
        await websocket.close(CLOSE_TOO_LARGE, f"audio frames hold at most {native.MAX_AUDIO_BYTES} bytes")


async def _serve(websocket: WebSocket, server: Server) -> None:
    async def send(event: Event, at: float) -> None:
        message = native.encode(event, at)
        try:
            if message is None:
                return
            if isinstance(message, bytes):
                await websocket.send_bytes(message)
            else:
                await websocket.send_text(message)
        except (WebSocketDisconnect, RuntimeError):
            pass  # the socket is gone; the reader learns it too and ends the session

    outbox = Outbox(send, time.monotonic)
    session = Session(server.engines, server.defaults, outbox.put, server.metrics)
    living = asyncio.create_task(session.run(), name=session.id)
    reading = asyncio.create_task(_read(websocket, session, outbox.put), name=f"{session.id} reader")
    sending = asyncio.create_task(outbox.run(), name=f"{session.id} outbox")
    tasks = (living, reading, sending)
    for parameter in ("resume", "conversation"):
        if websocket.query_params.get(parameter):
            await outbox.put(
                ErrorRaised("not_found", f"this server keeps nothing to {parameter}; a new session was begun")
            )
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    if not living.cancelled() and living.exception() is not None:
        log.error("session failed", extra={"session": session.id}, exc_info=living.exception())
        await websocket.close(CLOSE_INTERNAL, "the session failed; this is a fault of the server")
    for task in (reading, sending):
        if not task.cancelled() and task.exception() is not None:
            raise task.exception()  # pyright: ignore[reportGeneralTypeIssues]


async def _read(websocket: WebSocket, session: Session, emit: Callable[[Event], Awaitable[None]]) -> None:
    """Pass on what the client sends until it leaves."""
    while True:
        message = await websocket.receive()
        if message["type"] == "websocket.disconnect":
            return
        data: str | bytes = message["text"] if message.get("text") is not None else message["bytes"]
        if isinstance(data, bytes) and len(data) > native.MAX_AUDIO_BYTES:
            raise _TooLarge
        try:
            command = native.decode(data, session.known_characters)
        except InvalidRequest as error:
            await emit(ErrorRaised(error.code, str(error), error.details))
        else:
            await session.receive(command)
