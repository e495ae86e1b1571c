"""A client that asks, hears the answers out and comes back when its connection is lost; and a language model that
answers by a script, so that what is heard depends on the question alone."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import asynccontextmanager

from aiohttp import web

from backend.client.connection import AudioFrame, ConnectionFailed, connect, playback_position, user_text

COMES_BACK_WITHIN_S = 60


async def answer(request: web.Request) -> web.StreamResponse:
    """`POST /v1/chat/completions`: three sentences that depend on what was said last, and on nothing else."""
    messages = (await request.json())["messages"]
    said = next(message["content"] for message in reversed(messages) if message["role"] == "user")
    topic = said.rsplit(" ", 1)[-1].strip("?.")
    text = f"I have heard of {topic} before. There is a long story about it. Ask me again tomorrow."
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    for choice in ({"delta": {"content": text}}, {"delta": {}, "finish_reason": "stop"}):
        chunk = {"id": "c", "object": "chat.completion.chunk", "created": 0, "model": "script"}
        chunk["choices"] = [{"index": 0, "finish_reason": None, **choice}]
        await response.write(f"data: {json.dumps(chunk)}\n\n".encode())
    await response.write(b"data: [DONE]\n\n")
    return response


@asynccontextmanager
async def writer():
    """The address of a language model that follows the script."""
    app = web.Application()
    app.router.add_post("/v1/chat/completions", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}/v1"
    await runner.cleanup()


class Talker:
    """A session that may be lost and come back."""

    def __init__(self, number: int, address: str) -> None:
        self.number = number
        self._address = address
        self._client = None
        self._connection = None
        self.away_s = 0.0
        """How long it took to come back, if it had to."""
        self.speaking = asyncio.Event()
        """Set once some of the reply is heard."""
        self.topic = ""
        """Of the newest turn, and whether it was one of a session that has come back."""

    async def come(self, query: str = "") -> None:
        """A new connection."""
        self._connection = connect(f"ws://{self._address}/ws{query}")
        self._client = await self._connection.__aenter__()

    @property
    def replica(self) -> str:
        """Which one the session is at."""
        return self._client.ready["resume_token"].rpartition(".")[0]

    @property
    def conversation(self) -> str:
        return self._client.ready["conversation"]

    async def leave(self) -> None:
        await self._connection.__aexit__(None, None, None)

    async def turn(self, topic: str) -> bytes:
        """What is heard of the answer to a question. Raises `ConnectionFailed` when the connection is lost."""
        heard, self.topic = b"", f"{topic}, anew" if self.away_s else topic
        self.speaking.clear()
        await self._client.send(user_text(f"Nora, what do you know about {topic} {self.number}?"))
        async for event in self._client:
            match event:
                case AudioFrame():
                    heard += event.pcm
                    self.speaking.set()
                    position = playback_position(event.turn, event.reply, event.first_sample + event.samples)
                    await self._client.send(position)
                case {"type": "error"}:
                    raise SystemExit(f"session {self.number} was told {event}")
                case {"type": "turn.done"} if event["outcome"] != "completed":
                    raise SystemExit(f"a turn of session {self.number} ended {event['outcome']}")
                case {"type": "turn.done"}:
                    return heard
        raise ConnectionFailed("the server closed the connection")

    async def turn_or_return(self, topic: str) -> bytes:
        """The same; where the connection is lost, come back."""
        try:
            return await self.turn(topic)
        except ConnectionFailed:
            await self.resume()
            return b""

    async def resume(self) -> None:
        """Come back as a page does."""
        token, conversation = self._client.ready["resume_token"], self.conversation
        began = time.monotonic()
        while True:
            try:
                await self.come(f"?resume={token}")
                break
            except (ConnectionFailed, OSError):
                if time.monotonic() - began > COMES_BACK_WITHIN_S:
                    raise
                await asyncio.sleep(0.1)
        if self.conversation != conversation:
            raise SystemExit(f"session {self.number} came back to another conversation")
        self.away_s = time.monotonic() - began
