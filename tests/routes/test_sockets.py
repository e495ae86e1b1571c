"""`WS /ws` below the network: clients that take nothing any more."""

from __future__ import annotations

import asyncio
import json

from backend.app import create_app
from backend.routes import sockets
from backend.session_settings import Engines
from backend.settings import Settings
from tests.scripted import LoudnessVad, ScriptedLanguageModel, ScriptedSpeechToText, ScriptedTextToSpeech

SCOPE = {"type": "websocket", "path": "/ws", "raw_path": b"/ws", "query_string": b"", "headers": [], "subprotocols": []}


async def test_a_client_that_takes_nothing_any_more_is_gone(monkeypatch):
    """Its network may not say so for a quarter of an hour; its place and its turn are free long before."""
    monkeypatch.setattr(sockets, "TAKES_WITHIN_S", 0.05)
    monkeypatch.setattr(sockets, "CLOSES_WITHIN_S", 0.05)
    engines = Engines(
        ScriptedSpeechToText(), ScriptedLanguageModel(), ScriptedTextToSpeech(first_audio_s=0.0), LoudnessVad()
    )
    app = create_app(Settings(), engines)
    server = app.state.server
    say = {"type": "websocket.receive", "text": json.dumps({"type": "user.text", "text": "Hello?"})}
    came, takes = iter([{"type": "websocket.connect"}, say]), asyncio.Event()
    takes.set()

    async def receive():
        message = next(came, None)
        return message if message is not None else await asyncio.Event().wait()

    async def send(message):
        await takes.wait()
        if message.get("text") and json.loads(message["text"])["type"] == "turn.started":
            takes.clear()

    async with app.router.lifespan_context(app):
        await app({**SCOPE, "app": app}, receive, send)
        assert server.connected == 0
        assert server.live.lingering == 1
