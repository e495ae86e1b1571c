"""A server whose speech door leads to Step-Audio 2: its language model is scripted, a tiny checkpoint makes the sound
by the real code, and the official client is at the door."""

from __future__ import annotations

import asyncio
import base64
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import httpx2
import openai

from backend.app import choose_engines, create_app
from backend.settings import Settings
from tests.boson_multimodal.step_server import STOP, StepServer, codes, content, serve_step
from tests.openai_server import serve_app
from tests.scripted import ScriptedSpeechToText

if TYPE_CHECKING:
    from backend.engines.step_audio2 import StepAudio2TextToSpeech

TEXT = "The sea was quiet that morning."
CODES = tuple(range(100, 140))
SPEECH = [content(f"word {codes(*CODES[at : at + 4])}") for at in range(0, len(CODES), 4)]
CODE_BYTES = 2 * 960


class Watched:
    """An ASGI application that tells when it serves no request, also none of a client that has left."""

    def __init__(self, app):
        self._app, self._serving, self.idle = app, 0, asyncio.Event()

    async def __call__(self, scope, receive, send):
        self._serving += 1
        self.idle.clear()
        try:
            await self._app(scope, receive, send)
        finally:
            self._serving -= 1
            if self._serving == 1:  # besides the application's own life
                self.idle.set()


@dataclass
class Door:
    """The official client of a server that speaks with `tts`, whose language model is on `model`."""

    app: Watched
    client: openai.AsyncOpenAI
    http: httpx2.AsyncClient
    model: StepServer
    tts: StepAudio2TextToSpeech

    async def read(self, name="pcm", text=TEXT, **fields) -> bytes:
        """The whole answer."""
        asked = {"model": "any", "voice": "anna", "input": text, "response_format": name} | fields
        return (await self.client.audio.speech.create(**asked)).content

    def stream(self, **fields):
        """The answer to what the official client would not send, or would read in another way, as a context."""
        asked = {"model": "any", "voice": "anna", "input": TEXT, "response_format": "pcm"} | fields
        return self.http.stream("POST", "audio/speech", json=asked)

    async def post(self, **fields) -> httpx2.Response:
        """The same, read."""
        async with self.stream(**fields) as answer:
            await answer.aread()
            return answer

    async def is_well(self) -> bool:
        """Whether nothing is at work for an answer that has ended, and a model that reads is heard."""
        await self.app.idle.wait()
        speaking = self.tts.speaking
        await self.model.all_closed()
        self.model.script, self.model.status = [*SPEECH, STOP], 200
        return speaking == 0 and len(await self.read()) == len(CODES) * CODE_BYTES


@asynccontextmanager
async def door_to(checkpoint, model: StepServer):
    """A server that speaks with the language model on `model`."""
    settings = Settings(
        **{"stt": "offline", "llm": "offline", "tts": "step-audio2", "device": "cpu"},
        tts_base_url=model.base_url,
        tts_codec=str(checkpoint.checkpoint),
        tts_voices=checkpoint.voices,
    )
    engines = replace(choose_engines(settings), stt=ScriptedSpeechToText())
    app = Watched(create_app(settings, engines))
    async with serve_app(app) as (port, _):
        url = f"http://127.0.0.1:{port}/v1"
        async with (
            openai.AsyncOpenAI(base_url=url, api_key="any", max_retries=0) as client,
            httpx2.AsyncClient(base_url=url, timeout=60) as http,
        ):
            yield Door(app, client, http, model, engines.tts)


@asynccontextmanager
async def door(checkpoint, *script, **scripted):
    """The same, with a language model that writes `script`, or reads whatever it is given."""
    async with serve_step(*(script or (*SPEECH, STOP)), **scripted) as model, door_to(checkpoint, model) as opened:
        yield opened


def events_of(answer: str) -> list[dict]:
    """Server-sent events."""
    return [json.loads(line.removeprefix("data: ")) for line in answer.split("\n\n") if line]


def sound_of(events: list[dict]) -> bytes:
    """The audio in those that have some."""
    return b"".join(base64.b64decode(event["audio"]) for event in events if event["type"] == "speech.audio.delta")
