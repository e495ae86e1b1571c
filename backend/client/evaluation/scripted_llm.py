"""A language model that always tells the same long story: an OpenAI-compatible chat server on a loopback socket.

Its speed is that of a common hosted model, so a reply is still being written while its beginning is heard.
"""

from __future__ import annotations

import asyncio
import json
import re
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

TOKENS_PER_S = 40.0
MODEL = "scripted"

STORY = (
    "There was once a lighthouse on a small island, far away from any town. "
    "An old keeper lived in it with his daughter and a grey cat. "
    "Every evening they climbed the stairs together and lit the lamp. "
    "From the top one could see the fishing boats come home, one after another. "
    "One autumn a storm came up that was stronger than all those before. "
    "The wind broke two windows, and the rain put out the lamp. "
    "The keeper was ill that night and could not leave his bed. "
    "So his daughter took a lantern and went up the stairs alone. "
    "She held the lantern out into the darkness for many hours. "
    "Her arms grew tired, but she did not put it down. "
    "Out at sea a captain had lost his way among the rocks. "
    "He saw the little light and turned his ship towards it. "
    "In the morning the ship lay safely behind the island. "
    "The captain came ashore and asked who had saved him. "
    "The keeper pointed at his daughter, who was asleep in a chair. "
    "The captain left her his best telescope as a present. "
    "From that day on she watched the stars when the sea was calm. "
    "She drew maps of them and sent them to a school on the mainland. "
    "Years later she became a teacher there, and the cat went with her. "
    "But every autumn she came back to the island and lit the lamp herself."
)


class ScriptedLLM:
    """`streaming`: answers being written now. `left` is set when a client has gone before the end of one."""

    def __init__(self, tokens_per_s: float = TOKENS_PER_S) -> None:
        self._token_s = 1 / tokens_per_s
        self.streaming = 0
        self.left = asyncio.Event()

    async def chat(self, request: web.Request) -> web.StreamResponse:
        """`POST /v1/chat/completions`: the story, streamed whatever was asked."""
        await request.read()
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        self.streaming += 1
        try:
            for token in re.findall(r"\s*\S+", STORY):
                await response.write(_line(token))
                await asyncio.sleep(self._token_s)
            await response.write(b"data: [DONE]\n\n")
        except ConnectionResetError:
            self.left.set()
        except asyncio.CancelledError:
            self.left.set()
            raise
        finally:
            self.streaming -= 1
        return response


@asynccontextmanager
async def serve_llm(llm: ScriptedLLM) -> AsyncGenerator[str]:
    """Serve `llm`; the value is the base URL that OpenAI clients take."""
    app = web.Application()
    app.router.add_post("/v1/chat/completions", llm.chat)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}/v1"
    finally:
        await runner.cleanup()


def _line(token: str) -> bytes:
    chunk = {"object": "chat.completion.chunk", "model": MODEL, "choices": [{"index": 0, "delta": {"content": token}}]}
    return f"data: {json.dumps(chunk)}\n\n".encode()
