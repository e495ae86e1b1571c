"""`WS /ws`: carries the native protocol between a socket and a session."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from fastapi import APIRouter, WebSocket, WebSocketDisconnect

from backend.errors import AtCapacity, InvalidRequest, Unauthorized
from backend.events import ErrorRaised
from backend.outbox import Outbox
from backend.protocols import native
from backend.routes.auth import presented_key
from backend.routes.session_socket import live
from backend.session import Session

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from backend.events import Event
    from backend.server import Server

router = APIRouter()

CLOSE_UNAUTHORIZED = 4401
CLOSE_AT_CAPACITY = 4429
CLOSE_TOO_LARGE = 1009


class _TooLarge(Exception):
    """A message beyond the protocol's limits."""


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
        await websocket.close(
            CLOSE_TOO_LARGE,
            f"frames hold at most {native.MAX_AUDIO_BYTES} bytes of audio, or {native.MAX_TEXT_BYTES} of text",
        )


async def _serve(websocket: WebSocket, server: Server) -> None:
    async def send(event: Event, at: float) -> None:
        message = native.encode(event, at)
        try:
            if isinstance(message, bytes):
                await websocket.send_bytes(message)
            elif message is not None:
                await websocket.send_text(message)
        except (WebSocketDisconnect, RuntimeError):
            pass  # the socket is gone; the reader learns it too and ends the session

    outbox = Outbox(send, time.monotonic)
    session = Session(server.engines, server.defaults, outbox.put, server.metrics)
    for parameter in ("resume", "conversation"):
        if websocket.query_params.get(parameter):
            await outbox.put(
                ErrorRaised("not_found", f"this server keeps nothing to {parameter}; a new session was begun")
            )
    await live(websocket, session, _read(websocket, session, outbox.put), outbox.run())


async def _read(websocket: WebSocket, session: Session, emit: Callable[[Event], Awaitable[None]]) -> None:
    """Pass on what the client sends until it leaves."""
    while True:
        message = await websocket.receive()
        if message["type"] == "websocket.disconnect":
            return
        data: str | bytes = message["text"] if message.get("text") is not None else message["bytes"]
        if len(data) > (native.MAX_AUDIO_BYTES if isinstance(data, bytes) else native.MAX_TEXT_BYTES):
            raise _TooLarge
        try:
            command = native.decode(data, session.known_characters)
        except InvalidRequest as error:
            await emit(ErrorRaised(error.code, str(error), error.details))
        else:
            await session.receive(command)
