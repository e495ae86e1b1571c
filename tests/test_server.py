"""The server over a real loopback socket, with scripted engines: sockets, doors, and what clients can do to them."""

from __future__ import annotations

import asyncio
import json
import random
import struct
from contextlib import asynccontextmanager

import httpx2
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from backend import live_session
from backend.app import create_app
from backend.session_settings import Engines
from backend.settings import Settings
from tests.openai_server import serve_app
from tests.scripted import LoudnessVad, ScriptedLanguageModel, ScriptedSpeechToText, ScriptedTextToSpeech


@asynccontextmanager
async def running(llm=None, **settings):
    """A server with scripted engines: yields its port and its engines."""
    engines = Engines(
        ScriptedSpeechToText(), llm or ScriptedLanguageModel(), ScriptedTextToSpeech(first_audio_s=0.0), LoudnessVad()
    )
    app = create_app(Settings(**settings), engines)
    async with serve_app(app, ws_max_size=1 << 20) as (port, _):
        yield port, engines


@asynccontextmanager
async def client(port, query="", **options):
    """A connected socket that has seen `session.ready`."""
    async with connect(f"ws://127.0.0.1:{port}/ws{query}", **options) as socket:
        ready = json.loads(await socket.recv())
        assert ready["type"] == "session.ready"
        yield socket


async def until(socket, kind):
    """Text events up to and including the first of a kind."""
    seen = []
    while not seen or seen[-1]["type"] != kind:
        message = await socket.recv()
        if isinstance(message, str):
            seen.append(json.loads(message))
    return seen


async def test_a_turn_over_the_socket():
    """A typed line brings the events of the protocol in order, and audio frames that belong to the turn."""
    async with running() as (port, _), client(port) as socket:
        await socket.send(json.dumps({"type": "user.text", "text": "Oscar?"}))
        kinds, audio = [], []
        while "turn.done" not in kinds:
            message = await socket.recv()
            if isinstance(message, bytes):
                audio.append(struct.unpack("<BBHHHII", message[:16]))
            else:
                kinds.append(json.loads(message)["type"])
        order = ["turn.started", "reply.started", "reply.text", "reply.sentence", "reply.words"]
        order += ["reply.done", "turn.done"]
        # That an engine has changed is told whenever it does.
        assert [kind for kind in dict.fromkeys(kinds) if kind != "engines.changed"] == order
        assert {header[5] for header in audio} == {1}
        assert audio[-1][1] & 2


def nonsense(chance: random.Random) -> str | bytes:
    """One malformed message of many kinds."""
    valid = {"type": "playback.position", "turn": 1, "reply": 0, "samples": 4}
    return chance.choice(
        [
            lambda: chance.randbytes(2 * chance.randrange(50) + 1),
            lambda: json.dumps(valid)[: chance.randrange(len(json.dumps(valid)) - 1)],
            lambda: json.dumps({**valid, "samples": -(10 ** chance.randrange(1, 300))}),
            lambda: json.dumps({**valid, "turn": chance.choice([None, "1", [], {}, 1.5, True])}),
            lambda: json.dumps({"type": chance.choice(["", "nope", "session.ready", 7, None])}),
            lambda: json.dumps({"type": "user.text", "text": chance.choice([1, None, "", [], "x" * 10_000])}),
            lambda: json.dumps({"type": "session.configure", "characters": chance.choice([1, "a", [], [{}], [3]])}),
            lambda: "\ufeff" + "[" * chance.randrange(1, 5000),
        ]
    )()


async def test_a_thousand_malformed_messages_get_an_error_each_and_lose_nothing():
    """Nothing a client sends ends its session: every bad message is answered, and the next good one works."""
    chance = random.Random(3)
    async with running() as (port, _), client(port, max_size=None) as socket:

        async def send():
            for _ in range(1000):
                await socket.send(nonsense(chance))
            await socket.send(json.dumps({"type": "user.text", "text": "Still there?"}))

        sending = asyncio.create_task(send())
        events = await until(socket, "turn.done")
        await sending
        assert sum(event["type"] == "error" for event in events) == 1000
        assert events[-1]["outcome"] == "completed"


async def test_oversize_audio_closes_with_1009():
    """A frame beyond the limit is the one malformed message that ends the socket, with its own code."""
    async with running() as (port, _), client(port) as socket:
        await socket.send(bytes(70_000))
        with pytest.raises(ConnectionClosed) as closed:
            await socket.recv()
        assert closed.value.rcvd.code == 1009


async def refusal(port, query="", **options) -> int:
    """The close code of a connection that is not let in."""
    async with connect(f"ws://127.0.0.1:{port}/ws{query}", **options) as socket:
        with pytest.raises(ConnectionClosed) as closed:
            await socket.recv()
        return closed.value.rcvd.code


async def test_the_api_key_is_required_where_one_is_set():
    """Without the key 4401; with it, as query or bearer header, a session."""
    async with running(api_key="secret") as (port, _):
        assert await refusal(port) == 4401
        assert await refusal(port, "?api_key=wrong") == 4401
        async with client(port, "?api_key=secret"):
            pass
        async with client(port, additional_headers={"Authorization": "Bearer secret"}):
            pass


async def test_a_full_server_says_so_and_has_room_again():
    """Beyond --max-sessions 4429, and /ready says why; a place that is freed is given away again."""
    async with running(max_sessions=1) as (port, _):
        async with client(port):
            assert await refusal(port) == 4429
            async with httpx2.AsyncClient() as http:
                answer = await http.get(f"http://127.0.0.1:{port}/ready")
            assert answer.status_code == 503
            assert "sessions" in answer.json()["error"]["message"]
        async with client(port):
            pass


async def test_pages_of_other_sites_are_kept_out():
    """A browser page from elsewhere cannot use its visitor's access, unless it is allowed by name."""
    async with running(allowed_origins="https://friend.example") as (port, _):
        assert await refusal(port, origin="https://evil.example") == 4401
        async with client(port, origin="https://friend.example"):
            pass
        async with client(port, origin=f"http://127.0.0.1:{port}"):
            pass


async def test_a_client_that_vanishes_mid_reply_frees_everything(monkeypatch):
    """A dropped connection ends the turn: no engine stream stays open and the session's place is free."""
    monkeypatch.setattr(live_session, "TURN_WAITS_S", 0.2)
    llm = ScriptedLanguageModel("A long reply, word after word. " * 20)
    async with running(llm=llm, max_sessions=1) as (port, engines):
        async with client(port) as socket:
            await socket.send(json.dumps({"type": "user.text", "text": "Go on."}))
            await until(socket, "reply.sentence")
            socket.transport.abort()
        async with httpx2.AsyncClient() as http:
            while (await http.get(f"http://127.0.0.1:{port}/health")).json()["sessions"]:
                pass
        assert engines.llm.counts.live == engines.tts.counts.live == 0


async def test_operations_routes():
    """/health names the engines, /ready is 200, /metrics has the stages of a turn, / is the page with its policy."""
    async with running() as (port, _), httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
        async with client(port) as socket:
            await socket.send(json.dumps({"type": "user.text", "text": "Hello."}))
            await until(socket, "turn.done")
            health = (await http.get("/health")).json()
            assert (health["status"], health["sessions"]) == ("ok", 1)
            assert health["engines"]["tts"] == {
                "name": "scripted",
                "stand_in": False,
                "ready": True,
                "detail": "scripted for tests",
            }
            assert (await http.get("/ready")).status_code == 200
            metrics = (await http.get("/metrics")).text
            assert 'voicechat_stage_seconds_count{stage="tts_first_audio"} 1.0' in metrics
            assert 'voicechat_replies_total{outcome="completed"} 1.0' in metrics
        page = await http.get("/")
        assert page.status_code == 200
        assert "default-src 'none'" in page.headers["content-security-policy"]


async def test_http_errors_have_one_shape():
    """Unknown paths and methods are answered in the same shape as everything else, with the methods there are."""
    async with running() as (port, _), httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
        for method, path, status, allowed in (
            ("GET", "/nothing", 404, None),
            ("POST", "/index.html", 405, "GET, HEAD"),
            ("POST", "/health", 405, "GET"),
            ("GET", "/v1/audio/speech", 405, "POST"),
            ("PUT", "/v1/audio/voices", 405, "GET, POST"),
        ):
            answer = await http.request(method, path)
            assert (answer.status_code, answer.headers.get("allow")) == (status, allowed)
            assert set(answer.json()["error"]) == {"message", "type", "param", "code"}
