"""One speech server over a real loopback socket: what its answers mean."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import aiohttp
import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from backend.engines.openai_speech import OpenAITextToSpeech
from backend.engines.patience import Ear, Patience
from backend.engines.speech_dialects import SpeechRequest
from backend.engines.speech_server import ServerFailed, ServerLacks, SpeechServer
from backend.errors import EngineError
from tests.engines import contract
from tests.openai_server import serve_app, serve_openai

TEXT = "Good evening to you, it is late."
REQUEST = SpeechRequest({"input": TEXT})


@asynccontextmanager
async def answering(speech=None, models=None):
    """A client of a server that gives these answers."""
    routes = [Route("/v1/audio/speech", lambda _: speech, methods=["POST"])] if speech else []
    routes += [Route("/v1/models", lambda _: models)] if models else []
    async with serve_app(Starlette(routes=routes)) as (port, _), aiohttp.ClientSession() as http:
        server = SpeechServer(f"http://127.0.0.1:{port}/v1")
        server.http = http
        yield server


def stream(server: SpeechServer, anyone_else: bool = True):
    return server.stream(REQUEST, Patience(ear(), lambda: anyone_else, lambda: None))


def ear() -> Ear:
    return Ear(24_000, asyncio.get_running_loop().time)


@pytest.mark.parametrize("status", [401, 403, 408, 429, 500, 502, 503])
async def test_another_server_may_be_able_to(status):
    """What is wrong with the server, or with our key there, is no verdict on the request."""
    async with answering(JSONResponse({"error": {"message": "not now"}}, status)) as server:
        error = await contract.fails_with("tts", stream(server))
        assert isinstance(error, ServerFailed)
        assert str(error) == f"the server answered {status}: not now"
        assert (server.in_flight, server.requests) == (0, 1)


async def test_an_error_that_does_not_end_is_not_read_to_its_end():
    """A server that is out of its mind does not take us with it."""

    async def endless():
        yield b"x" * 10_000
        await asyncio.Event().wait()

    async with answering(StreamingResponse(endless(), 500)) as server:
        error = await contract.fails_with("tts", stream(server, anyone_else=False))
        assert str(error) == "the server answered 500: " + "x" * 500


async def test_what_a_server_does_not_have_another_one_may():
    """A model or a route that is not found here is no failure of the server, nor of the request."""
    async with answering(JSONResponse({"error": {"message": "no such model"}}, 404)) as server:
        error = await contract.fails_with("tts", stream(server))
        assert isinstance(error, ServerLacks)
        assert not isinstance(error, ServerFailed)
        assert str(error) == "the server answered 404: no such model"


@pytest.mark.parametrize("status", [400, 413, 422])
async def test_another_server_would_refuse_as_well(status):
    """What is wrong with the request is said, and the server is not to blame."""
    async with answering(Response("no such voice", status)) as server:
        error = await contract.fails_with("tts", stream(server))
        assert type(error) is EngineError
        assert str(error) == f"the server answered {status}: no such voice"


@pytest.mark.parametrize(("header", "seconds"), [("7", 7), ("Wed, 21 Oct 2026 07:28:00 GMT", 0), ("-1", 0), ("²", 0)])
async def test_a_full_server_says_how_long_to_stay_away(header, seconds):
    """In seconds; anything else is not understood and does no harm."""
    headers = {"Retry-After": header.encode().decode("latin-1")}
    async with answering(Response("full", 429, headers)) as server:
        assert (await contract.fails_with("tts", stream(server))).retry_after_s == seconds


@pytest.mark.parametrize("kind", ["text/event-stream", "application/json", "text/html; charset=utf-8"])
async def test_what_is_no_sound_is_not_played(kind):
    """Events, an object or a page would be loud noise; which it was is said, and another server may have sound."""
    async with answering(Response(b"data: {}\n\n", headers={"content-type": kind})) as server:
        error = await contract.fails_with("tts", stream(server))
        assert isinstance(error, ServerFailed)
        assert kind.split(";")[0] in str(error)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"", "no sound"),
        (b"\1\0" * 500 + b"\1", "in the middle of a sample"),
        (b'{"error": {"message": "out of memory"}}', "out of memory"),
        (b"\1\0" * 500 + b'{"error": {"message": "out of memory"}}', "out of memory"),
        (b"RIFF\x24\0\0\0WAVEfmt " + bytes(500), "WAV instead of raw PCM"),
    ],
)
async def test_an_answer_that_went_wrong_is_no_speech(answer, why):
    """Although its status and its content type say that all is well: the server is to blame."""
    async with answering(Response(answer, headers={"content-type": "audio/pcm"})) as server:
        error = await contract.fails_with("tts", stream(server))
        assert isinstance(error, ServerFailed)
        assert why in str(error)


@asynccontextmanager
async def closing_its_connections(pcm: bytes, *, and_all: bool):
    """A server whose answers end with the connection; `and_all`: it goes away with it, as one that is killed does."""

    async def serve(reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        if head.startswith(b"POST"):
            await reader.readexactly(int(head.lower().partition(b"content-length:")[2].split()[0]))
        writer.write(b"HTTP/1.0 200 OK\r\nContent-Type: audio/pcm\r\n\r\n" + pcm)
        await writer.drain()
        if and_all:
            listening.close()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as listening, aiohttp.ClientSession() as http:
        yield SpeechServer(f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/v1", http)


async def test_an_answer_without_an_end_of_its_own_is_whole_if_its_server_is_still_there():
    """Simple servers end their answers by closing the connection."""
    async with closing_its_connections(bytes(500), and_all=False) as server:
        assert b"".join(await contract.drain(stream(server))) == bytes(500)


async def test_an_answer_without_an_end_of_its_own_may_not_be_whole_if_its_server_is_gone():
    """So looks one of a process that was killed; another server can say the rest."""
    async with closing_its_connections(bytes(500), and_all=True) as server:
        error = await contract.fails_with("tts", stream(server))
        assert isinstance(error, ServerFailed)
        assert "may not be whole" in str(error)


@pytest.mark.parametrize("kind", ["audio/pcm", "audio/mpeg", "application/octet-stream", ""])
async def test_sound_is_played_whatever_it_is_called(kind):
    """Servers call their PCM many things."""
    async with answering(Response(bytes(500), headers={"content-type": kind})) as server:
        assert b"".join(await contract.drain(stream(server))) == bytes(500)


async def test_a_silent_server_is_given_up_and_its_connection_closed():
    """While there is another one; nothing stays open, and how long it was silent is said."""

    class Impatient(Patience):
        def seconds(self, take, usual):
            return 0.01

    async with serve_openai(hold=asyncio.Event()) as scripted, aiohttp.ClientSession() as http:
        server = SpeechServer(scripted.base_url)
        server.http = http
        error = await contract.fails_with("tts", server.stream(REQUEST, Impatient(ear(), lambda: True, lambda: None)))
        assert isinstance(error, ServerFailed)
        assert "sent nothing for" in str(error)
        await scripted.all_closed()
        assert scripted.broken_off == {"speech": 1}
        assert server.in_flight == 0


async def test_a_kept_connection_that_was_given_up_is_no_failure():
    """A server closes a connection at the very moment at which it is used again: nobody hears of it."""
    connections = []

    async def serve(reader, writer):
        connections.append(writer)
        answers = 1 if len(connections) == 1 else 2
        for _ in range(answers):
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(int(head.lower().partition(b"content-length:")[2].split()[0]))
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: audio/pcm\r\nContent-Length: 8\r\n\r\nabcdefgh")
            await writer.drain()
        await reader.readuntil(b"\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as listening, aiohttp.ClientSession() as http:
        server = SpeechServer(f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/v1")
        server.http = http
        for _ in range(2):
            assert await contract.drain(stream(server)) == [b"abcdefgh"]
        assert len(connections) == 2
        assert server.requests == 2
        for writer in connections:
            writer.close()


@pytest.mark.parametrize(
    ("models", "there"),
    [
        (JSONResponse({"data": []}), True),
        (None, True),  # 404
        (Response(status_code=405), True),
        (Response(status_code=401), False),
        (Response(status_code=503), False),
    ],
)
async def test_a_probe_asks_for_the_models(models, there):
    """A server that answers is there, also one that lists no models; one that is loading or refuses our key is not."""
    async with answering(models=models) as server:
        assert await server.probe() is there


async def test_a_probe_of_nobody():
    """No server, and an engine that is not running."""
    server = SpeechServer("http://127.0.0.1:9/v1")
    assert await server.probe() is False
    async with aiohttp.ClientSession() as http:
        server.http = http
        assert await server.probe() is False


def test_a_name_holds_no_password():
    """It is shown to people and to scrapers."""
    assert SpeechServer("https://user:secret@gpu.example:8443/v1").name == "https://gpu.example:8443/v1"


@pytest.mark.parametrize("check", contract.CHECKS)
async def test_two_servers_keep_the_contract(check):
    """Over sockets as well; an address that is named twice is one server."""
    async with serve_openai(chunk_s=0.001) as one, serve_openai(chunk_s=0.001) as two:
        urls = [one.base_url, two.base_url, one.base_url + "/"]
        async with OpenAITextToSpeech(base_url=urls, api_key=None, model="scripted") as engine:
            assert len(engine.servers.servers) == 2
            await check(contract.speaking(engine, TEXT, idle=lambda: _idle(engine)))
            await one.all_closed()
            await two.all_closed()


def _idle(engine: OpenAITextToSpeech) -> bool:
    return not any(server.in_flight for server in engine.servers.servers)


async def test_a_killed_server_is_replaced_in_the_middle():
    """Connections that break, and then refuse: the other server finishes the text, and nothing stays open."""
    async with (
        serve_openai(chunk_s=0.005) as one,
        serve_openai(chunk_s=0.005) as two,
        OpenAITextToSpeech(
            base_url=[one.base_url, two.base_url], api_key="k", model="scripted", dialect="sglang-omni"
        ) as engine,
    ):
        pcm = b""
        async for piece in engine.open_voice("nova").stream(TEXT):
            if not pcm:
                first, second = (one, two) if one.requests else (two, one)
                first.abort_connections()
                first.server.stop()
            pcm += piece.pcm
        assert pcm == b"\xe8\x03" * int(len(TEXT) * 0.04 * 24_000)
        assert first.requests == second.requests
        assert engine.servers.failovers == {(first.base_url, second.base_url, "middle"): 1}
        assert _idle(engine)
        await second.all_closed()
