"""`WS /ws`: carries the native protocol between a socket and a session, which may outlive the socket."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from fastapi import APIRouter, WebSocket, WebSocketDisconnect

from backend.conversation import MAX_LINES
from backend.engines.tasks import stop
from backend.errors import AtCapacity, Conflict, InvalidRequest, NotFound, StorageError, Unauthorized
from backend.events import ErrorRaised
from backend.protocols import native
from backend.routes.auth import presented_key
from backend.routes.session_socket import CLOSE_ELSEWHERE, CLOSE_INTERNAL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from backend.errors import VoiceChatError
    from backend.events import Event
    from backend.link import Carry
    from backend.live_session import LiveSession
    from backend.server import Server
    from backend.storage.conversations import StoredConversation

router = APIRouter()

CLOSE_UNAUTHORIZED = 4401
CLOSE_AT_CAPACITY = 4429
CLOSE_TOO_LARGE = 1009
CLOSE_NORMAL, CLOSE_GOING_AWAY, CLOSE_ABNORMAL = 1000, 1001, 1006


TAKES_WITHIN_S = 20.0
"""A client that takes nothing for so long is gone, whether the network has noticed or not."""
CLOSES_WITHIN_S = 5.0


class _TooLarge(Exception):
    """A message beyond the protocol's limits."""


@router.websocket("/ws")
async def native_socket(websocket: WebSocket) -> None:
    """One connection to a session: a new one, or the one the client comes back to."""
    server: Server = websocket.app.state.server
    await websocket.accept()
    try:
        server.check_origin(websocket.headers.get("origin"), websocket.headers.get("host"))
        server.authorize(presented_key(websocket))
        token = websocket.query_params.get("resume")
        returning = server.live.find(token) if token else None
        with server.admitted(returning):
            await _serve(websocket, server, returning)
    except Unauthorized as error:
        await websocket.close(CLOSE_UNAUTHORIZED, str(error))
    except AtCapacity as error:
        await websocket.close(CLOSE_AT_CAPACITY, str(error))
    except _TooLarge:
        await websocket.close(
            CLOSE_TOO_LARGE,
            f"frames hold at most {native.MAX_AUDIO_BYTES} bytes of audio, or {native.MAX_TEXT_BYTES} of text",
        )


async def _serve(websocket: WebSocket, server: Server, returning: LiveSession | None) -> None:
    stuck: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def carry(event: Event, at: float) -> bool:
        message = native.encode(event, at)
        try:
            async with asyncio.timeout(TAKES_WITHIN_S):
                if isinstance(message, bytes):
                    await websocket.send_bytes(message)
                elif message is not None:
                    await websocket.send_text(message)
        except TimeoutError:
            stuck.cancel()
            return False
        except (WebSocketDisconnect, RuntimeError):
            return False
        return True

    if returning is not None:
        live, attended = returning, await returning.come_back(carry)
    else:
        live, attended = await _begin(server, websocket.query_params, carry)
    reading = asyncio.create_task(_read(websocket, live), name=f"{live.session.id} reader")
    ending = asyncio.create_task(live.over(), name=f"{live.session.id} end")
    code: int | None = None
    try:
        await asyncio.wait((reading, ending, attended, stuck), return_when=asyncio.FIRST_COMPLETED)
        if reading.done():
            code = reading.result()
    finally:
        await stop(reading, ending)
        live.leave(attended, goodbye=code in (CLOSE_NORMAL, CLOSE_GOING_AWAY))
    if live.failure is not None:
        await _close(websocket, CLOSE_INTERNAL, "the session failed; this is a fault of the server")
    elif code is None:
        await _close(websocket, *_parting(live, taken_over=attended.done() or live.taken_over))


def _parting(live: LiveSession, *, taken_over: bool) -> tuple[int, str]:
    """Close code and reason for a client that has not left by itself."""
    if taken_over:
        return CLOSE_ELSEWHERE, "the session goes on by another connection"
    return CLOSE_GOING_AWAY, "the session has ended" if live.ending else "the client takes nothing"


async def _close(websocket: WebSocket, code: int, reason: str) -> None:
    """Say why, if the client still takes anything."""
    with suppress(TimeoutError, WebSocketDisconnect, RuntimeError):
        async with asyncio.timeout(CLOSES_WITHIN_S):
            await websocket.close(code, reason)


async def _begin(server: Server, query: Mapping[str, str], carry: Carry) -> tuple[LiveSession, asyncio.Future[None]]:
    """A new session, which may go on with a conversation that is kept; and what is done when another connection takes
    it over."""
    problem: VoiceChatError | None = None
    token = server.live.new_token()
    try:
        stored = await _taken_over(server, query.get("resume"), query.get("conversation"), token)
        live = server.live.open(server.defaults, token, stored)
    except (NotFound, Conflict, StorageError) as error:
        live, problem = server.live.open(server.defaults, token), error
    attended = live.start(carry)
    if problem is not None:
        await live.tell(ErrorRaised(problem.code, f"{problem}; a new session was begun"))
    return live, attended


async def _taken_over(
    server: Server, old_token: str | None, wanted: str | None, token: str
) -> StoredConversation | None:
    """The conversation the client names, or the one its lost session had; from now on that of the session with this
    token."""
    if not (wanted or old_token):
        return None
    stored, id = None, wanted or (await server.store.find_by_token(old_token) if old_token else None)
    if id is not None:
        await server.live.release(id)  # what its last session still has to write is read below
        with server.live.elsewhere(id):
            stored = await server.store.take_over(id, token, MAX_LINES)
    if stored is None:
        what = "conversation" if wanted else "session to resume"
        raise NotFound(f"there is no such {what}")
    return stored


async def _read(websocket: WebSocket, live: LiveSession) -> int:
    """Pass on what the client sends until it leaves; returns how its side was closed."""
    while True:
        message = await websocket.receive()
        if message["type"] == "websocket.disconnect":
            return message.get("code") or CLOSE_ABNORMAL
        data: str | bytes = message["text"] if message.get("text") is not None else message["bytes"]
        if len(data) > (native.MAX_AUDIO_BYTES if isinstance(data, bytes) else native.MAX_TEXT_BYTES):
            raise _TooLarge
        try:
            command = native.decode(data, live.session.known_characters)
        except InvalidRequest as error:
            await live.tell(ErrorRaised(error.code, str(error), error.details))
        else:
            await live.session.receive(command)
