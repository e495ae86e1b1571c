"""While the engines load nothing is served but what operators ask and the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backend.routes.errors import error_response

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from backend.server import Server

_NEEDS_ENGINES = ("/v1/", "/ws")
RETRY_AFTER_S = 5


class LoadingGate:
    """Answers 503 to whatever needs an engine, sockets included, until the engines are there."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] in ("http", "websocket") and scope["path"].startswith(_NEEDS_ENGINES):
            server: Server = scope["app"].state.server
            if (reason := server.not_loaded()) is not None:
                await _refuse(reason, scope, receive, send)
                return
        await self._app(scope, receive, send)


async def _refuse(reason: str, scope: Scope, receive: Receive, send: Send) -> None:
    response = error_response(503, reason, "not_ready")
    response.headers["retry-after"] = str(RETRY_AFTER_S)
    if scope["type"] == "http" or "websocket.http.response" in scope.get("extensions", {}):
        await response(scope, receive, send)
    else:
        await send({"type": "websocket.close", "code": 1013, "reason": reason})
