"""A server that listens while its engines load, as load balancers want it."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import httpx2
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from backend.app import create_app
from backend.errors import ConfigurationError
from backend.session_settings import Engines
from backend.settings import Settings
from tests.openai_server import serve_app
from tests.scripted import LoudnessVad, ScriptedLanguageModel, ScriptedSpeechToText, ScriptedTextToSpeech

SPEECH = {"model": "any", "voice": "nova", "input": "Hi."}


class SlowVoice(ScriptedTextToSpeech):
    """Loads until `weights` are there; an exception there is raised."""

    def __init__(self) -> None:
        super().__init__(0.0, 0.0)
        self.weights = asyncio.get_running_loop().create_future()
        self.left = 0

    async def __aenter__(self):
        await self.weights
        return self

    async def __aexit__(self, *error):
        self.left += 1


@asynccontextmanager
async def listening(**settings):
    """A server that listens at once, its client and its voice."""
    tts = SlowVoice()
    engines = Engines(ScriptedSpeechToText(), ScriptedLanguageModel(), tts, LoudnessVad())
    app = create_app(Settings(listen="at-once", **settings), engines)
    async with serve_app(app) as (port, _), httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
        yield http, tts, app.state.server


async def statuses(http) -> dict[str, int]:
    return {path: (await http.get(path)).status_code for path in ("/health", "/ping", "/ready")}


async def test_ping_while_the_engines_load_and_after():
    """204 tells the platform to wait, 200 to send requests; an unloaded server does no work and says when to come."""
    async with listening() as (http, tts, server):
        assert await statuses(http) == {"/health": 200, "/ping": 204, "/ready": 503}
        answer = await http.post("/v1/audio/speech", json=SPEECH)
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "not_ready")
        assert int(answer.headers["retry-after"]) > 0
        for path in ("/ws", "/v1/realtime"):
            with pytest.raises(InvalidStatus) as refused:
                await connect(f"ws://127.0.0.1:{http.base_url.port}{path}").__aenter__()
            assert refused.value.response.status_code == 503
        assert (await http.get("/")).status_code == 200
        tts.weights.set_result(None)
        await server.loaded.wait()
        assert await statuses(http) == {"/health": 200, "/ping": 200, "/ready": 200}
        assert (await http.post("/v1/audio/speech", json=SPEECH)).status_code == 200
    assert tts.left == 1


async def test_ping_while_an_engine_gets_ready_by_itself():
    """Recognisers go on loading after the rest: until then there is no conversation to send here."""
    async with listening() as (http, tts, server):
        tts.weights.set_result(None)
        await server.loaded.wait()
        server.engines.stt.ready = False
        assert await statuses(http) == {"/health": 200, "/ping": 204, "/ready": 503}
        server.engines.stt.ready = True
        assert await statuses(http) == {"/health": 200, "/ping": 200, "/ready": 200}


@pytest.mark.parametrize("error", [ConfigurationError("no GPU"), RuntimeError("no GPU")])
async def test_an_engine_that_cannot_be_loaded(error):
    """The server lives, is unhealthy, and says why."""
    async with listening() as (http, tts, server):
        tts.weights.set_exception(error)
        await server.loaded.wait()
        assert await statuses(http) == {"/health": 200, "/ping": 503, "/ready": 503}
        assert "no GPU" in (await http.get("/ready")).json()["error"]["message"]
        assert "no GPU" in (await http.post("/v1/audio/speech", json=SPEECH)).json()["error"]["message"]


async def test_a_full_server_is_healthy():
    """A platform that took it for broken would end the sessions it has."""
    async with listening(max_sessions=1) as (http, tts, server):
        tts.weights.set_result(None)
        await server.loaded.wait()
        async with connect(f"ws://127.0.0.1:{http.base_url.port}/ws") as socket:
            await socket.recv()
            assert await statuses(http) == {"/health": 200, "/ping": 200, "/ready": 503}


async def test_a_server_that_is_stopped_while_it_loads():
    """Nothing is left running."""
    async with listening() as (http, tts, _):
        assert (await http.get("/ping")).status_code == 204
    assert (tts.left, tts.weights.cancelled()) == (0, True)
