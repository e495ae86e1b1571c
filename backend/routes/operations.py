"""The browser page, and what operators ask: is it alive, would it serve, what are the figures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from fastapi.staticfiles import StaticFiles
from prometheus_client import CONTENT_TYPE_LATEST

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope, Send

    from backend.server import Server

router = APIRouter()

FRONTEND = Path(__file__).resolve().parent.parent.parent / "frontend"

PAGE_HEADERS = {
    "content-security-policy": (
        "default-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; connect-src 'self' ws: wss:; "
        "object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-cache",
}


@router.get("/health")
async def health(request: Request) -> JSONResponse:
    """Alive, and which engine serves each stage."""
    server: Server = request.app.state.server
    return JSONResponse({"status": "ok", "engines": server.engines.describe(), "sessions": server.sessions})


@router.get("/ready")
async def ready(request: Request) -> JSONResponse:
    """200 when engines are loaded and a session would be admitted, else 503 with the reason."""
    server: Server = request.app.state.server
    reason = server.not_ready()
    if reason is None:
        return JSONResponse({"status": "ready"})
    error = {"message": reason, "type": "server_error", "param": None, "code": "not_ready"}
    return JSONResponse({"status": "not ready", "error": error}, status_code=503)


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
async def metrics(request: Request) -> Response:
    """Prometheus text."""
    server: Server = request.app.state.server
    return Response(server.metrics.text(), media_type=CONTENT_TYPE_LATEST)


class Page:
    """The files of the browser page, each with headers that allow nothing from elsewhere. An ASGI app."""

    def __init__(self, directory: Path = FRONTEND) -> None:
        self._files = StaticFiles(directory=directory, html=True)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008, "reason": "no socket at this path"})
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                added = [(name.encode(), value.encode()) for name, value in PAGE_HEADERS.items()]
                message = {**message, "headers": [*message.get("headers", []), *added]}
            await send(message)

        await self._files(scope, receive, with_headers)
