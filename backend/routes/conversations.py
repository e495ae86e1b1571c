"""`/api/conversations`: what was said, to read, to take away and to delete."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response

from backend.decoding import decode
from backend.encoding import wav_header
from backend.engines.bridge import call_in_thread
from backend.errors import NotFound
from backend.protocols.conversations import conversation_fields, head_fields, markdown
from backend.routes.auth import authorized
from backend.routes.connected import stream
from backend.storage.conversations import LISTED

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from backend.server import Server
    from backend.storage.conversations import StoredConversation

router = APIRouter(prefix="/api/conversations", dependencies=[authorized])

WAV_RATE_HZ = 24_000
BETWEEN_REPLIES = bytes(WAV_RATE_HZ)
"""Half a second of silence."""


@router.get("")
async def conversations(
    request: Request,
    before: Annotated[float | None, Query(allow_inf_nan=False)] = None,
    limit: Annotated[int, Query(ge=1, le=LISTED)] = LISTED,
) -> JSONResponse:
    """The conversations that went on last, the newest first; `before` is the `updated_at` of the last one known."""
    server: Server = request.app.state.server
    heads = await server.store.heads(before, limit)
    return JSONResponse({"conversations": [head_fields(head) for head in heads]})


@router.get("/{id}")
async def conversation(request: Request, id: str) -> JSONResponse:
    """One of them, whole."""
    return await _whole(request, await _stored(request, id))


@router.delete("/{id}")
async def delete_conversation(request: Request, id: str) -> JSONResponse:
    """Forget it. One that is going on cannot be deleted."""
    server: Server = request.app.state.server
    await server.live.release(id)
    if not await server.store.delete(id):
        raise _unknown(id)
    return JSONResponse({"id": id, "deleted": True})


@router.get("/{id}/export")
async def export_conversation(
    request: Request, id: str, format: Literal["json", "markdown", "wav"] = "json"
) -> Response:
    """The conversation as a file: all that is known of it, a text to read, or the sound of what was heard."""
    server: Server = request.app.state.server
    stored = await _stored(request, id)
    match format:
        case "json":
            response: Response = await _whole(request, stored)
        case "markdown":
            text = await call_in_thread(partial(markdown, stored), server.decoding)
            response = Response(text, media_type="text/markdown; charset=utf-8")
        case "wav":
            response = await _sound(request, stored)
    extension = {"json": "json", "markdown": "md", "wav": "wav"}[format]
    response.headers["content-disposition"] = f'attachment; filename="conversation.{extension}"'
    return response


async def _whole(request: Request, stored: StoredConversation) -> JSONResponse:
    """In a thread: what was said in a year takes seconds to write out."""
    server: Server = request.app.state.server
    return await call_in_thread(lambda: JSONResponse(conversation_fields(stored)), server.decoding)


async def _sound(request: Request, stored: StoredConversation) -> Response:
    server: Server = request.app.state.server
    kept = await server.store.audible(stored.id)
    replies = [line.id for line in stored.lines if line.id in kept]
    if not replies:
        raise NotFound("no sound was kept of this conversation; session.configure has keep_audio")
    return await stream(request, _wav(server, stored.id, replies), "audio/wav")


async def _wav(server: Server, conversation: str, replies: Sequence[str]) -> AsyncGenerator[bytes]:
    """One reply after another, of which no more than one is in memory."""
    yield wav_header(WAV_RATE_HZ)
    for place, reply in enumerate(replies):
        sound = await server.store.audio(conversation, reply)
        if sound is None:
            continue  # forgotten meanwhile
        if place:
            yield BETWEEN_REPLIES
        yield await call_in_thread(partial(decode, sound.flac, WAV_RATE_HZ), server.decoding)


async def _stored(request: Request, id: str) -> StoredConversation:
    server: Server = request.app.state.server
    stored = await server.store.read(id)
    if stored is None:
        raise _unknown(id)
    return stored


def _unknown(id: str) -> NotFound:
    return NotFound(f"there is no conversation {id!r}", "id")
