"""The SDK's API for trying a worker on one's own machine, and what it lacks: operators' questions, and GET.

On the platform `/status` and `/stream` are asked by GET, as clients do; the SDK's own API has only POST for them.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.responses import JSONResponse, Response

from backend.serverless.handler import config_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request
    from starlette.types import ASGIApp, Receive, Scope, Send

    from backend.serverless.worker import Worker

_ALSO_BY_GET = ("/status/", "/stream/")


def options(arguments: Sequence[str]) -> argparse.Namespace | None:
    """The options of `--rp_serve_api`, or `None` without it. They are the SDK's."""
    parser = argparse.ArgumentParser(prog="python -m backend.serverless", add_help=False, allow_abbrev=False)
    parser.add_argument("--rp_serve_api", action="store_true")
    parser.add_argument("--rp_api_host", default="localhost")
    parser.add_argument("--rp_api_port", type=int, default=8000)
    parser.add_argument("--rp_log_level")
    known, _ = parser.parse_known_args(arguments)
    return known if known.rp_serve_api else None


def app_for(worker: Worker) -> ASGIApp:
    """The SDK's app with a worker behind it: `POST /run`, `/runsync`, `/stream/{id}`, `/status/{id}` (these two also by
    GET), and `GET /health`, `/ready`, `/metrics`."""
    from runpod.serverless.modules.rp_fastapi import WorkerAPI

    async def health(_request: Request) -> Response:
        return JSONResponse({"status": "ok", "model": worker.model.health()})

    async def ready(_request: Request) -> Response:
        reason = worker.model.not_ready()
        if reason is None:
            return JSONResponse({"status": "ready"})
        error = {"message": reason, "type": "server_error", "param": None, "code": "not_ready"}
        return JSONResponse({"status": "not ready", "error": error}, status_code=503)

    async def metrics(_request: Request) -> Response:
        return Response(worker.metrics.text(), media_type=CONTENT_TYPE_LATEST)

    api: Any = WorkerAPI(config_for(worker)).rp_app
    for path, answer in (("/health", health), ("/ready", ready), ("/metrics", metrics)):
        api.add_route(path, answer, methods=["GET"])

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope.get("method") == "GET" and scope["path"].startswith(_ALSO_BY_GET):
            scope = {**scope, "method": "POST"}
        await api(scope, receive, send)

    return app


def serve(worker: Worker, asked: argparse.Namespace) -> None:
    """Serve until SIGINT or SIGTERM."""
    place = {"host": asked.rp_api_host, "port": asked.rp_api_port}
    uvicorn.run(app_for(worker), **place, log_config=None, log_level="info", access_log=False)
