"""`POST /v1/audio/transcriptions`: OpenAI's transcription API over the server's speech recogniser."""

from __future__ import annotations

from contextlib import aclosing, asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request, Response

from backend.audio import seconds
from backend.decoding import decode
from backend.engines.bridge import call_in_thread
from backend.engines.interfaces import HEARING_RATE_HZ
from backend.errors import EngineError, InvalidRequest
from backend.pipelines.transcription import transcribe
from backend.protocols.transcription_fields import FORM, at_fault, read_fields
from backend.protocols.transcription_formats import MEDIA_TYPES, delta_event, done_event, event, write
from backend.routes.auth import authorized
from backend.routes.connected import stream, while_connected
from backend.routes.errors import body_of
from backend.routes.forms import read_form

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from backend.engines.interfaces import Hints
    from backend.pipelines.transcription import Segment
    from backend.protocols.transcription_fields import TranscriptionRequest
    from backend.server import Server

router = APIRouter(dependencies=[authorized])

MAX_FILE_BYTES = 25 << 20
"""OpenAI's limit."""


@router.post(
    "/v1/audio/transcriptions",
    response_class=Response,
    responses={200: {"content": {kind: {} for kind in (*MEDIA_TYPES.values(), "text/event-stream")}}},
    openapi_extra={"requestBody": {"required": True, "content": FORM}},
)
async def transcriptions(request: Request) -> Response:
    """The words of an uploaded recording, whole or as server-sent events."""
    server: Server = request.app.state.server
    fields, data = await read_form(request, "file", MAX_FILE_BYTES)
    if not data:
        raise at_fault("file", "an uploaded file is required" if data is None else "it is empty")
    asked = read_fields(fields, server.defaults.turn.language)
    if asked.stream:
        return await stream(request, _events(server, data, asked.hints))
    return await while_connected(request, _whole(server, data, asked))


@asynccontextmanager
async def _decoded(server: Server, data: bytes) -> AsyncGenerator[bytes]:
    """PCM of an uploaded file, kept for as long as it is worked on. Waits while enough others are."""
    async with server.transcribing:
        try:
            pcm = await call_in_thread(partial(decode, data, HEARING_RATE_HZ), server.decoding)
        except InvalidRequest as error:
            raise at_fault("file", str(error)) from error
        yield pcm


async def _whole(server: Server, data: bytes, asked: TranscriptionRequest) -> Response:
    """Everything that is said, in the format that was asked for."""
    async with _decoded(server, data) as pcm, aclosing(_segments(server, pcm, asked.hints)) as segments:
        found = [segment async for segment in segments]
        body = write(found, asked.response_format, seconds(pcm, HEARING_RATE_HZ), asked.hints.language)
        return Response(body, media_type=MEDIA_TYPES[asked.response_format])


async def _events(server: Server, data: bytes, hints: Hints) -> AsyncGenerator[str]:
    """A delta for each segment as it is understood, then the whole text. A failure after the first is an event too."""
    said: list[Segment] = []
    async with _decoded(server, data) as pcm, aclosing(_segments(server, pcm, hints)) as segments:
        try:
            async for segment in segments:
                yield delta_event(segment, said[-1] if said else None)
                said.append(segment)
        except EngineError as error:
            if not said:
                raise
            yield event(body_of(error))
            return
    yield done_event(said)


def _segments(server: Server, pcm: bytes, hints: Hints) -> AsyncGenerator[Segment]:
    return transcribe(pcm, server.engines.stt, server.engines.vad.open(), hints)
