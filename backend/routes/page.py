"""The browser page: static files, compressed where the client takes it, with headers that allow nothing from elsewhere.

Knows nothing of what is in the files.
"""

from __future__ import annotations

import gzip
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from anyio.to_thread import run_sync
from fastapi.responses import FileResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.datastructures import Headers

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

FRONTEND = Path(__file__).resolve().parent.parent.parent / "frontend"

POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data: blob:",
    "media-src": "'self' blob:",
    "connect-src": "'self'",
    "worker-src": "'self'",
    "manifest-src": "'self'",
    "object-src": "'none'",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
    "require-trusted-types-for": "'script'",
    "trusted-types": "'none'",
}
"""Scripts, styles and sockets of this server alone, none of them inline; and no string becomes script or markup."""

PERMISSIONS = {
    "microphone": "(self)",
    "screen-wake-lock": "(self)",
    "camera": "()",
    "display-capture": "()",
    "geolocation": "()",
    "payment": "()",
    "usb": "()",
}

HEADERS = {
    "content-security-policy": "; ".join(f"{name} {sources}" for name, sources in POLICY.items()),
    "permissions-policy": ", ".join(f"{name}={allowed}" for name, allowed in PERMISSIONS.items()),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-cache",
    "vary": "accept-encoding",
}

TEXT_TYPES = ("text/", "application/javascript", "application/json", "application/manifest+json", "image/svg+xml")


class Page(StaticFiles):
    """An ASGI app. Who asks for a range gets it of the file as it is."""

    def __init__(self, directory: Path = FRONTEND) -> None:
        super().__init__(directory=directory, html=True)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await super().__call__(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008, "reason": "no socket at this path"})

    async def get_response(self, path: str, scope: Scope) -> Response:
        """The file as the client takes it, or that the client has it already."""
        response = await super().get_response(path, scope)
        response.headers.update(HEADERS)
        if "etag" in response.headers:
            # A file comes in two forms; one must not be completed by a range of the other.
            response.headers["etag"] = f"W/{response.headers['etag']}"
        asked = Headers(scope=scope)
        if "range" in asked or not takes_gzip(asked.get("accept-encoding", "")):
            return response
        if not isinstance(response, FileResponse) or not str(response.media_type).startswith(TEXT_TYPES):
            return response
        content = await run_sync(_compressed, str(response.path), response.headers["etag"])
        headers = {**response.headers, "content-encoding": "gzip", "content-length": str(len(content))}
        return Response(content, response.status_code, headers)


def takes_gzip(accept_encoding: str) -> bool:
    """Whether a client that sends this header takes gzip."""
    given = (one.lower().replace(" ", "").partition(";q=") for one in accept_encoding.split(","))
    weights = {coding: weight for coding, _, weight in given}
    weight = weights.get("gzip", weights.get("*", "0"))
    return weight.strip("0.") != "" or weight == ""


@lru_cache(maxsize=256)
def _compressed(path: str, etag: str) -> bytes:
    """The file's content; `etag` tells one state of it from another."""
    return gzip.compress(Path(path).read_bytes(), mtime=0)
