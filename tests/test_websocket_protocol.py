"""What a client cannot keep the server from doing when it stops."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import httpx2
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from websockets.client import ClientProtocol
from websockets.uri import parse_uri

from tests.openai_server import serve_app

MORE_THAN_SOCKETS_HOLD = 8 << 20


async def test_a_client_that_is_closing_does_not_keep_the_app_from_ending():
    """The app ends in order although a client has asked to close and does not read what it was sent."""
    flooded, closing, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def flood(socket):
        await socket.accept()
        sending = asyncio.ensure_future(socket.send_bytes(bytes(MORE_THAN_SOCKETS_HOLD)))
        flooded.set()
        await socket.receive()
        closing.set()
        await asyncio.gather(sending, return_exceptions=True)

    @asynccontextmanager
    async def lifespan(_app):
        yield
        ended.set()

    app = Starlette(routes=[WebSocketRoute("/ws", flood)], lifespan=lifespan)
    async with serve_app(app) as (port, _):
        client = ClientProtocol(parse_uri(f"ws://127.0.0.1:{port}/ws"))
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 10)
        client.send_request(client.connect())
        writer.writelines(client.data_to_send())
        await flooded.wait()
        client.receive_data(await reader.readuntil(b"\r\n\r\n"))
        client.send_close(1000)
        writer.writelines(client.data_to_send())
        await closing.wait()
    writer.close()
    assert ended.is_set()


async def test_a_refused_handshake_does_not_keep_the_app_from_ending():
    """The app ends in order although somebody has asked for an address that is longer than one may be."""
    ended = asyncio.Event()

    @asynccontextmanager
    async def lifespan(_app):
        yield
        ended.set()

    async def never(_socket):
        raise AssertionError

    app = Starlette(routes=[WebSocketRoute("/ws", never)], lifespan=lifespan)
    async with serve_app(app) as (port, _):
        client = ClientProtocol(parse_uri(f"ws://127.0.0.1:{port}/ws?resume={'a' * 9000}"))
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        client.send_request(client.connect())
        writer.writelines(client.data_to_send())
        await writer.drain()
        # Whoever is refused is told nothing; what comes after has been read later.
        async with httpx2.AsyncClient() as api:
            await api.get(f"http://127.0.0.1:{port}/")
    writer.close()
    await writer.wait_closed()
    assert ended.is_set()
