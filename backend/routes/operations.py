"""What operators ask: is it alive, would it serve, what are the figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST

if TYPE_CHECKING:
    from backend.server import Server

router = APIRouter()


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


@router.get("/ping", status_code=200, response_class=Response, responses={204: {}, 503: {}})
async def ping(request: Request) -> Response:
    """What a load balancer asks: 204 while engines get ready, 200 when they are, 503 when one cannot be loaded.

    A server all of whose sessions are taken is healthy: it says so itself to whoever comes.
    """
    server: Server = request.app.state.server
    if server.startup_error is not None:
        return Response(server.not_loaded(), 503, media_type="text/plain")
    return Response(status_code=200 if server.engines_not_ready() is None else 204)


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
async def metrics(request: Request) -> Response:
    """Prometheus text."""
    server: Server = request.app.state.server
    return Response(server.metrics.text(server.settings.instance), media_type=CONTENT_TYPE_LATEST)
