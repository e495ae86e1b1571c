"""A language model and voices that follow a script, for measuring long conversations: an OpenAI-compatible server on a
loopback socket.

Every line says whose it is, and one in three goes on with somebody else's line, as models trained on scripts do; stop
sequences are not heeded. What is asked of the server and what it has to speak is kept.
"""

from __future__ import annotations

import asyncio
import json
import re
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aiohttp import web

from backend.prompting.summaries import TASK
from backend.tokens import estimated_tokens

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

FIRST_TOKEN_S = 0.1
TOKENS_PER_S = 400.0
SUMMARY_S = 1.0
FIRST_AUDIO_S = 0.05
SENTENCE_S = 0.1
"""What a sentence lasts: so short that hours of conversation take minutes."""
RATE_HZ = 24_000

_SPEAKER = re.compile(r"You are (\w+) in a spoken conversation")
_PRESENT = re.compile(r"Also present: ([^.]+)\.")
_SUMMARY = "They went on talking about the harbour, and each of them promised something. " * 8


def line_of(name: str) -> str:
    """What only `name` says."""
    return f"This is {name} speaking"


@dataclass
class ScriptedCast:
    """What was asked of it. `spoken`: (voice, text) of every sentence. `kept`: of every prompt but a character's first,
    the share that is the same as in the prompt before."""

    prompt_tokens: list[int] = field(default_factory=list)
    spoken: list[tuple[str, str]] = field(default_factory=list)
    kept: list[float] = field(default_factory=list)
    summaries: int = 0
    _before: dict[str, str] = field(default_factory=dict)

    async def chat(self, request: web.Request) -> web.StreamResponse:
        """`POST /v1/chat/completions`: a line of whoever the prompt is for, or a summary."""
        messages = (await request.json())["messages"]
        self.prompt_tokens.append(sum(estimated_tokens(message["content"]) for message in messages))
        if messages[0]["content"] == TASK:
            self.summaries += 1
            return await _stream(request, _SUMMARY, SUMMARY_S)
        name, others = _SPEAKER.search(messages[0]["content"]), _PRESENT.search(messages[0]["content"])
        assert name, "every prompt says who speaks"
        self._compare(name[1], "".join(message["content"] for message in messages))
        number = len(self.prompt_tokens)
        text = f"{line_of(name[1])}, for the {number}th time, and about boats, bells, ropes, rain and the tide. "
        text += "There is more to say about the harbour than anybody has time for, so I shall leave it at that. " * 2
        if others and number % 3 == 0:
            other = others[1].split(", ")[number % len(others[1].split(", "))]
            text += f"\n{other}: {line_of(other)}, and I do not agree."
        return await _stream(request, text, FIRST_TOKEN_S)

    async def speech(self, request: web.Request) -> web.Response:
        """`POST /v1/audio/speech`: a short sound, whatever the text."""
        asked = await request.json()
        self.spoken.append((asked["voice"], asked["input"]))
        await asyncio.sleep(FIRST_AUDIO_S)
        return web.Response(body=b"\x00\x10" * int(RATE_HZ * SENTENCE_S), content_type="audio/pcm")

    def _compare(self, name: str, prompt: str) -> None:
        before = self._before.get(name)
        if before is not None:
            same = next((i for i, (a, b) in enumerate(zip(before, prompt, strict=False)) if a != b), len(before))
            self.kept.append(min(same, len(prompt)) / len(prompt))
        self._before[name] = prompt


async def _stream(request: web.Request, text: str, first_s: float) -> web.StreamResponse:
    response = web.StreamResponse(headers={"content-type": "text/event-stream"})
    await response.prepare(request)
    await asyncio.sleep(first_s)
    for token in re.findall(r"\s*\S+", text):
        chunk = {"object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {"content": token}}]}
        try:
            await response.write(f"data: {json.dumps(chunk)}\n\n".encode())
        except ConnectionResetError:
            return response  # the line of somebody else had begun
        await asyncio.sleep(1 / TOKENS_PER_S)
    await response.write(b"data: [DONE]\n\n")
    return response


@asynccontextmanager
async def serve(cast: ScriptedCast) -> AsyncGenerator[str]:
    """Serve `cast`; the value is the base URL that OpenAI clients take."""
    app = web.Application(client_max_size=1 << 24)
    app.router.add_post("/v1/chat/completions", cast.chat)
    app.router.add_post("/v1/audio/speech", cast.speech)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}/v1"
    finally:
        await runner.cleanup()
