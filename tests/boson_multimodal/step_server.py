"""A scripted Step-Audio 2 server on a loopback socket, with counts of what was opened, finished and broken off."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from starlette.applications import Starlette
from starlette.responses import JSONResponse, StreamingResponse
from starlette.routing import Route

from tests.openai_server import serve_app

ABORT = "the connection is torn down here"


def delta(finish_reason: str | None = None, **fields: object) -> dict:
    """A chunk with one choice."""
    choice = {"index": 0, "delta": fields, "finish_reason": finish_reason}
    return {"id": "c", "object": "chat.completion.chunk", "created": 0, "model": "m", "choices": [choice]}


def content(text: str) -> dict:
    """A chunk of raw text, as it comes without an audio parser."""
    return delta(content=text, tts_content=None)


def spoken(text: str | None, audio: str | None) -> dict:
    """A chunk of a server that tells words and codes apart."""
    return delta(content=None, tts_content={"tts_text": text, "tts_audio": audio})


def usage(prompt: int, completion: int) -> dict:
    """The chunk after the last choice."""
    return {"choices": [], "usage": {"prompt_tokens": prompt, "completion_tokens": completion}}


STOP = delta("stop")


def codes(*numbers: int) -> str:
    """Speech codes as the model writes them."""
    return "".join(f"<audio_{number}>" for number in numbers)


@dataclass
class StepServer:
    """`script` is sent to every request: chunks, events that are waited for, and `ABORT`. A request whose last words
    hold a key of `scripts` is sent that one instead."""

    script: list[dict | asyncio.Event | str] = field(default_factory=list)
    scripts: dict[str, tuple[dict | asyncio.Event | str, ...]] = field(default_factory=dict)
    status: int = 200
    refuses: tuple[str, ...] = ()
    refusal: str = "Extra inputs are not permitted"
    requests: list[tuple[str, dict]] = field(default_factory=list)
    opened: int = 0
    finished: int = 0
    broken_off: int = 0
    closed: asyncio.Event = field(default_factory=asyncio.Event)
    port: int = 0
    connections: set = field(default_factory=set)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    async def answer(self, request):
        body = await request.json()
        self.requests.append((request.url.path, body))
        if self.status != 200:
            return JSONResponse({"error": {"message": "scripted failure"}}, self.status)
        if set(self.refuses) & set(body):
            return JSONResponse({"error": {"message": self.refusal}}, 400)
        asked = json.dumps(body.get("messages", [])[-2:])
        script = next((script for words, script in self.scripts.items() if words in asked), self.script)
        return StreamingResponse(self._lines(script), media_type="text/event-stream")

    async def _lines(self, script):
        self.opened += 1
        try:
            for step in script:
                if isinstance(step, asyncio.Event):
                    await step.wait()
                elif step == ABORT:
                    for connection in list(self.connections):
                        connection.transport.abort()
                    await asyncio.Event().wait()
                else:
                    yield f"data: {json.dumps(step)}\n\n".encode()
                    await asyncio.sleep(0)
            yield b"data: [DONE]\n\n"
            self.finished += 1
        except asyncio.CancelledError:
            self.broken_off += 1
            raise
        finally:
            self.closed.set()

    async def all_closed(self) -> None:
        """Until no answer is being sent."""
        while self.opened > self.finished + self.broken_off:
            self.closed.clear()
            await self.closed.wait()


@asynccontextmanager
async def serve_step(*script: dict | asyncio.Event | str, **settings):
    """The server, listening; gone at the end."""
    server = StepServer(list(script), **settings)
    routes = [Route(f"/v1/{path}", server.answer, methods=["POST"]) for path in ("chat/completions", "completions")]
    async with serve_app(Starlette(routes=routes)) as (port, uvicorn_server):
        server.port, server.connections = port, uvicorn_server.server_state.connections
        yield server
        for step in server.script:
            if isinstance(step, asyncio.Event):
                step.set()
