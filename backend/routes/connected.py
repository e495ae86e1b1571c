"""Work that is done for a client on HTTP, and only for as long as the client is there."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, TypeVar

from fastapi.responses import StreamingResponse
from starlette.requests import ClientDisconnect, Request

from backend.engines.tasks import stop

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Coroutine

    from starlette.types import Receive, Scope, Send

T = TypeVar("T")
Piece = str | bytes


def at_most(size: int, request: Request, error: Callable[[], Exception]) -> Request:
    """The same request, whose body raises `error()` when it is read beyond `size` bytes."""
    received = 0

    async def receive() -> Any:
        nonlocal received
        message = await request.receive()
        received += len(message.get("body", b""))
        if received > size:
            raise error()
        return message

    return Request(request.scope, receive)


async def while_connected(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """What `work` returns or raises. The body of the request has been read.

    Raises `ClientDisconnect` when the client leaves first; `work` has then been cancelled and has ended.
    """
    working = asyncio.create_task(work)
    leaving = asyncio.create_task(_left(request))
    try:
        await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
    finally:
        await stop(working, leaving)
    if working.cancelled():
        raise ClientDisconnect
    return working.result()


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def stream(
    request: Request, pieces: AsyncGenerator[Piece], media_type: str = "text/event-stream"
) -> StreamingResponse:
    """The response that streams `pieces`, and closes them at its end, also when the client leaves.

    An error before the first piece is raised here, so that it still decides the status of the response. Pieces are
    asked for by more than one task, one after another.
    """

    async def first() -> list[Piece]:
        async for piece in pieces:
            return [piece]
        return []

    return _Stream(await while_connected(request, first()), pieces, media_type)


class _Stream(StreamingResponse):
    def __init__(self, first: list[Piece], rest: AsyncGenerator[Piece], media_type: str) -> None:
        self._rest = rest
        super().__init__(self._all(first), media_type=media_type, headers={"cache-control": "no-cache"})

    async def _all(self, first: list[Piece]) -> AsyncGenerator[Piece]:
        for piece in first:
            yield piece
        async for piece in self._rest:
            yield piece

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with aclosing(self._rest):
            await super().__call__(scope, receive, send)
