"""Who may use the HTTP doors: the key of `--api-key`, as OpenAI's clients and others send it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import Depends
from starlette.requests import HTTPConnection  # noqa: TC002 - FastAPI reads the annotation

if TYPE_CHECKING:
    from backend.server import Server


def presented_key(connection: HTTPConnection) -> str | None:
    """The key in `Authorization: Bearer`, in `X-API-Key` or, for what cannot set headers, in `?api_key=`."""
    scheme, _, bearer = connection.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return bearer.strip()
    return connection.headers.get("x-api-key") or connection.query_params.get("api_key")


async def _authorize(connection: HTTPConnection) -> None:
    server: Server = connection.app.state.server
    server.check_origin(connection.headers.get("origin"), connection.headers.get("host"))
    server.authorize(presented_key(connection))


authorized = Depends(_authorize)
"""For routers whose routes need the key, and are not for pages of other sites. Raises `Unauthorized`."""
