"""Work for a client ends with the client: what was begun is closed, whoever leaves first and wherever it stands."""

from __future__ import annotations

import asyncio

import pytest
from starlette.requests import ClientDisconnect, Request

from backend.errors import EngineError
from backend.routes.connected import stream, while_connected

SCOPE = {"type": "http", "method": "POST", "path": "/", "headers": [], "asgi": {"spec_version": "2.3"}}


class Client:
    """The other side of a request whose body has been read. `left` is set when it goes away."""

    def __init__(self) -> None:
        self.left = asyncio.Event()
        self.request = Request(SCOPE, self.receive)

    async def receive(self):
        await self.left.wait()
        return {"type": "http.disconnect"}


async def test_work_is_cancelled_when_the_client_leaves():
    """The caller goes on only when the work has ended."""
    client, ended = Client(), []

    async def work():
        try:
            client.left.set()
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            ended.append(True)

    with pytest.raises(ClientDisconnect):
        await while_connected(client.request, work())
    assert ended


async def test_work_that_fails_is_told_apart_from_a_client_that_leaves():
    """An error of the work reaches the caller as it is."""

    async def work():
        raise EngineError("stt", "deaf")

    with pytest.raises(EngineError, match="deaf"):
        await while_connected(Client().request, work())


async def test_a_stream_is_closed_when_a_client_that_does_not_read_leaves():
    """Events that nobody takes are not left open until the garbage collector finds them."""
    client, closed = Client(), []

    async def events():
        try:
            yield "data: 1\n\n"
            yield "data: 2\n\n"
        finally:
            closed.append(True)

    async def send(message):
        if message.get("body"):
            client.left.set()
            await asyncio.Event().wait()

    source = events()
    response = await stream(client.request, source)
    await response(SCOPE, client.receive, send)
    assert closed
