"""A scripted OpenAI-compatible server on a loopback socket: chat, speech and transcription, streamed, with counts of
what was opened, finished and broken off by the client."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager, nullcontext, suppress
from dataclasses import dataclass, field

import uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse, StreamingResponse
from starlette.routing import Route

from backend.websocket_protocol import WebSocketProtocol
from tests.scripted import CHARACTER_S, RATE_HZ, tokens


@dataclass
class OpenAIServer:
    """Settings can be changed while it runs. `hold` keeps every stream from ending until it is set."""

    reply: str = "Good evening to you. It is late."
    transcript: str = "what is the plan"
    status: int = 200
    error: dict = field(default_factory=lambda: {"message": "scripted failure"})
    refuses: tuple[str, ...] = ()
    """Fields of a chat completion that are answered with 400."""
    chunks: list[dict] | None = None
    """Of a streamed chat completion, instead of those with `reply`."""
    completion: dict = field(default_factory=dict)
    """A chat completion that is not streamed."""
    token_s: float = 0.0
    chunk_s: float = 0.0
    hold: asyncio.Event | None = None
    requests: list[tuple[str, dict]] = field(default_factory=list)
    opened: dict[str, int] = field(default_factory=dict)
    finished: dict[str, int] = field(default_factory=dict)
    broken_off: dict[str, int] = field(default_factory=dict)
    closed: asyncio.Event = field(default_factory=asyncio.Event)
    first_opened: asyncio.Event = field(default_factory=asyncio.Event)
    port: int = 0
    server: uvicorn.Server | None = None

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def abort_connections(self) -> None:
        """What a killed server does to its clients."""
        for connection in list(self.server.server_state.connections):
            connection.transport.abort()

    async def chat(self, request):
        body = await request.json()
        self.requests.append(("chat", body))
        if self.status != 200:
            return JSONResponse({"error": self.error}, self.status)
        for field_ in set(self.refuses) & set(body):
            return JSONResponse({"error": {"message": f"Unsupported parameter: {field_!r}", "param": field_}}, 400)
        if not body.get("stream"):
            return StreamingResponse(self._counted("chat", self._whole()), media_type="application/json")

        async def lines():
            for chunk in self.chunks or [_chunk(token) for token in tokens(self.reply)]:
                yield f"data: {json.dumps(chunk)}\n\n".encode()
                await asyncio.sleep(self.token_s)
            if self.hold:
                await self.hold.wait()
            yield b"data: [DONE]\n\n"

        return StreamingResponse(self._counted("chat", lines()), media_type="text/event-stream")

    async def _whole(self):
        text = json.dumps(self.completion)
        yield text[:1].encode()
        if self.hold:
            await self.hold.wait()
        yield text[1:].encode()

    async def speech(self, request):
        body = await request.json()
        self.requests.append(("speech", body))
        if self.status != 200:
            return JSONResponse({"error": {"message": "scripted failure"}}, self.status)
        samples = int(len(body["input"]) * CHARACTER_S * RATE_HZ)

        async def pieces():
            audio = b"\xe8\x03" * samples
            for start in range(0, len(audio), 4801):  # an odd length: servers cut anywhere
                yield audio[start : start + 4801]
                await asyncio.sleep(self.chunk_s)
            if self.hold:
                await self.hold.wait()

        return StreamingResponse(self._counted("speech", pieces()), media_type="audio/pcm")

    async def transcriptions(self, request):
        body = await request.body()
        riff = body.index(b"RIFF")
        self.requests.append(("transcriptions", {"wav_bytes": int.from_bytes(body[riff + 4 : riff + 8], "little") + 8}))
        if self.status != 200:
            return JSONResponse({"error": {"message": "scripted failure"}}, self.status)
        return JSONResponse({"text": self.transcript})

    async def _counted(self, kind, stream):
        self.opened[kind] = self.opened.get(kind, 0) + 1
        self.first_opened.set()
        try:
            async for piece in stream:
                yield piece
            self.finished[kind] = self.finished.get(kind, 0) + 1
        except asyncio.CancelledError:
            self.broken_off[kind] = self.broken_off.get(kind, 0) + 1
            raise
        finally:
            self.closed.set()

    async def all_closed(self) -> None:
        """Until no stream is open."""
        while sum(self.opened.values()) > sum(self.finished.values()) + sum(self.broken_off.values()):
            self.closed.clear()
            await self.closed.wait()


def _chunk(token: str) -> dict:
    return {
        "id": "c",
        "object": "chat.completion.chunk",
        "created": 0,
        "model": "scripted",
        "choices": [{"index": 0, "delta": {"content": token}, "finish_reason": None}],
    }


@asynccontextmanager
async def serve_openai(port: int = 0, **settings):
    """The server, listening; gone at the end, with whatever was still being streamed."""
    scripted = OpenAIServer(**settings)
    app = Starlette(
        routes=[
            Route("/v1/chat/completions", scripted.chat, methods=["POST"]),
            Route("/v1/audio/speech", scripted.speech, methods=["POST"]),
            Route("/v1/audio/transcriptions", scripted.transcriptions, methods=["POST"]),
        ]
    )
    async with serve_app(app, port) as (bound, server):
        scripted.port, scripted.server = bound, server
        yield scripted
        if scripted.hold:
            scripted.hold.set()


@asynccontextmanager
async def serve_app(app, port: int = 0, **options):
    """Any ASGI app on a loopback socket, in this loop: yields its port and the uvicorn server."""
    options = {"ws": WebSocketProtocol, "log_config": None, "timeout_graceful_shutdown": 1, **options}
    config = uvicorn.Config(app, host="127.0.0.1", port=port, **options)
    server = _Quiet(config)
    task = asyncio.create_task(server.serve())
    await server.listening.wait()
    try:
        yield server.servers[0].sockets[0].getsockname()[1], server
    finally:
        server.stop()
        await task


class _Held(set):
    """What a server has open; `none` is set while that is nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.none = asyncio.Event()
        self.none.set()

    def add(self, held):
        super().add(held)
        self.none.clear()

    def discard(self, held):
        super().discard(held)
        if not self:
            self.none.set()

    remove = discard


class _Quiet(uvicorn.Server):
    """Tells when it listens, stops at once, and leaves signals to the test runner."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.server_state.connections, self.server_state.tasks = _Held(), _Held()
        self.listening = asyncio.Event()
        self._stopping = asyncio.Event()

    def stop(self):
        self.should_exit = True
        self._stopping.set()

    async def main_loop(self):
        await self.on_tick(0)
        await self._stopping.wait()

    async def startup(self, sockets=None):
        await super().startup(sockets)
        self.listening.set()

    async def shutdown(self, sockets=None):
        """As uvicorn's own, which waits in steps of a tenth of a second."""
        state = self.server_state
        for server in self.servers:
            server.close()
        for connection in list(state.connections):
            connection.shutdown()
        with suppress(TimeoutError):
            async with asyncio.timeout(self.config.timeout_graceful_shutdown):
                await state.connections.none.wait()
                await state.tasks.none.wait()
                for server in self.servers:
                    await server.wait_closed()
        for task in state.tasks:
            task.cancel()
        await self.lifespan.shutdown()

    def capture_signals(self):
        return nullcontext()
