"""No request is larger than the server is ready to keep."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY_BYTES = 32 << 20
"""Of one request: a recording of 25 MB and what a form puts around it."""


class BodyLimit:
    """Answers 413 to bodies that are too large, without keeping them. An ASGI middleware."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        left = MAX_BODY_BYTES

        async def counted() -> Message:
            nonlocal left
            message = await receive()
            left -= len(message.get("body", b""))
            if left < 0:
                # Of what is raised while a body is read FastAPI passes on only this kind.
                raise HTTPException(413, f"a request has at most {MAX_BODY_BYTES >> 20} MB")
            return message

        await self._app(scope, counted, send)
