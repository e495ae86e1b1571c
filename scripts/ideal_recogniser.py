"""A recogniser that makes no mistakes, for the evaluation of turn-taking: it is told what the simulated person says.

Shows what the rules are worth apart from the words they are given. Each session has a server of its own, in the
evaluation's process.
"""

from __future__ import annotations

import asyncio
import socket
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING

import uvicorn

from backend.app import choose_engines, create_app
from backend.client.evaluation.prompter import Prompter
from backend.client.evaluation.scripted_llm import MODEL
from backend.engines.interfaces import HEARING_RATE_HZ, NO_HINTS, Hints, Pause, Transcript
from backend.settings import Settings
from backend.websocket_protocol import WebSocketProtocol

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator
    from contextlib import AbstractContextManager

PARTIAL_DELAY = HEARING_RATE_HZ * 3 // 10
"""A word is shown 300 ms after its end, as by a recogniser that decodes a growing window."""
ANSWER_S = 0.06
"""What is asked at a pause is answered after so long."""


class IdealSpeechToText:
    """Writes down what `prompter` says."""

    name, stand_in, ready, shows_words = "ideal", False, True, True
    detail = "is told what was said"

    def __init__(self, prompter: Prompter) -> None:
        self._prompter = prompter

    async def __aenter__(self) -> IdealSpeechToText:
        return self

    async def __aexit__(self, *_error: object) -> None:
        pass

    async def loaded(self) -> None:
        pass

    async def stream(self, audio: AsyncIterator[bytes | Pause], hints: Hints = NO_HINTS) -> AsyncGenerator[Transcript]:
        """See `SpeechToText.stream`."""
        script, pauses, shown = self._prompter.script, 0, ""
        async for piece in audio:
            if isinstance(piece, Pause):
                pauses += 1
                text = script.said()
                await asyncio.sleep(ANSWER_S)
                yield Transcript(text, final=False, pauses=pauses)
                continue
            if (text := script.said(PARTIAL_DELAY)) != shown:
                shown = text
                yield Transcript(text, final=False)
        yield Transcript(script.take(), final=True)


@asynccontextmanager
async def ideal_servers(sessions: int, llm: str) -> AsyncGenerator[list[tuple[str, Prompter]]]:
    """A server for each session, with the language model at `llm`: its WebSocket address and whom it listens to."""
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(_server(llm)) for _ in range(sessions)]


@asynccontextmanager
async def _server(llm: str) -> AsyncGenerator[tuple[str, Prompter]]:
    settings = Settings(llm="openai", llm_base_url=llm, llm_model=MODEL, llm_api_key="none", tts="offline")
    prompter = Prompter()
    app = create_app(settings, replace(choose_engines(settings), stt=IdealSpeechToText(prompter)))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = _Server(uvicorn.Config(app, ws=WebSocketProtocol, ws_per_message_deflate=False, log_config=None))
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            await server.listening.wait()
            yield f"ws://127.0.0.1:{listener.getsockname()[1]}/ws", prompter
        finally:
            server.should_exit = True
            await serving


class _Server(uvicorn.Server):
    """One of several in a process, which takes no signals."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()

    def capture_signals(self) -> AbstractContextManager[None]:
        return nullcontext()
