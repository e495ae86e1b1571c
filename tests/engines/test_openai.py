"""The engines behind OpenAI-compatible servers, over a real loopback socket."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, asynccontextmanager

import pytest

from backend.audio import sample_count
from backend.engines.interfaces import Generation, Message, Relay
from backend.engines.openai import OpenAILanguageModel, OpenAISpeechToText
from backend.engines.openai_speech import OpenAITextToSpeech
from backend.errors import EngineError, RequestRefused
from tests.engines import contract
from tests.openai_server import serve_openai
from tests.scripted import CHARACTER_S, RATE_HZ

STAGES = {OpenAILanguageModel: "llm", OpenAITextToSpeech: "tts", OpenAISpeechToText: "stt"}
MESSAGES = [Message(role="user", content="hello")]


@asynccontextmanager
async def engine_on(kind, **settings):
    """A scripted server and an engine of that kind that talks to it."""
    async with (
        serve_openai(**settings) as server,
        kind(base_url=server.base_url, api_key="key", model="scripted") as engine,
    ):
        yield server, engine


async def chunks(audio: bytes):
    for start in range(0, len(audio), 1024):
        yield audio[start : start + 1024]


async def test_the_model_s_text_arrives_piece_by_piece():
    """Tokens come in order, as they are streamed, with the settings given and no others."""
    async with engine_on(OpenAILanguageModel) as (server, llm):
        generation = Generation(model="other", temperature=0.5, extra={"seed": 7})
        async with aclosing(llm.stream(MESSAGES, generation)) as pieces:
            text = [piece async for piece in pieces]
        assert "".join(text) == server.reply
        assert len(text) > 5
        body = server.requests[0][1]
        assert (body["model"], body["temperature"], body["seed"], body["stream"]) == ("other", 0.5, 7, True)
        assert "top_p" not in body
        assert "max_tokens" not in body


STOP = ("\nUser:", "\nTheo:")


async def written(llm, generation: Generation) -> str:
    """All of a reply."""
    async with aclosing(llm.stream(MESSAGES, generation)) as pieces:
        return "".join([piece async for piece in pieces if isinstance(piece, str)])


async def test_the_model_is_asked_to_stop_where_others_speak():
    """Unless the client has stop sequences of its own, or there are none."""
    async with engine_on(OpenAILanguageModel) as (server, llm):
        for generation in (Generation(stop=STOP), Generation(stop=STOP, extra={"stop": ["END"]}), Generation()):
            await written(llm, generation)
        assert [body.get("stop") for _, body in server.requests] == [list(STOP), ["END"], None]


async def test_a_model_that_refuses_stop_sequences_is_asked_without():
    """At once, and from then on; other models are still asked with them."""
    async with engine_on(OpenAILanguageModel, refuses=("stop",)) as (server, llm):
        for _ in range(2):
            assert await written(llm, Generation(stop=STOP)) == server.reply
        server.refuses = ()
        await written(llm, Generation(model="other", stop=STOP))
        await written(llm, Generation(stop=STOP))
        assert ["stop" in body for _, body in server.requests] == [True, False, False, True, False]


@pytest.mark.parametrize("refuses", ["temperature", "model"])
async def test_a_refusal_of_something_else_is_the_servers_answer(refuses):
    """Nothing is asked twice, and stop sequences are not given up."""
    async with engine_on(OpenAILanguageModel, refuses=(refuses,)) as (server, llm):
        with pytest.raises(RequestRefused, match=refuses):
            await written(llm, Generation(temperature=0.5, stop=STOP))
        server.refuses = ()
        await written(llm, Generation(stop=STOP))
        assert ["stop" in body for _, body in server.requests] == [True, True]


async def test_a_server_that_refuses_everything_has_not_refused_stop_sequences():
    """What fails without them too is no reason to leave them out from then on."""
    async with engine_on(OpenAILanguageModel) as (server, llm):
        server.status, server.error = 400, {"message": "stop it"}
        with pytest.raises(RequestRefused):
            await written(llm, Generation(stop=STOP))
        server.status = 200
        await written(llm, Generation(stop=STOP))
        assert ["stop" in body for _, body in server.requests] == [True, False, True]


async def test_closing_a_text_stream_closes_the_request():
    """When the consumer leaves, the server sees the connection go and can stop."""
    async with engine_on(OpenAILanguageModel, hold=asyncio.Event()) as (server, llm):
        async with aclosing(llm.stream(MESSAGES, Generation())) as pieces:
            await anext(pieces)
        await server.all_closed()
        assert server.broken_off == {"chat": 1}


async def test_a_request_is_relayed_with_a_model():
    """A request is passed on as it is, with the engine's model where it has none, and so is each part of the answer."""
    completion = {"choices": [], "theirs": {"deep": [1.5]}}
    async with engine_on(OpenAILanguageModel, completion=completion) as (server, llm):
        assert isinstance(llm, Relay)
        assert await contract.drain(llm.relay({"messages": MESSAGES, "colour": "blue"})) == [completion]
        chunks = await contract.drain(llm.relay({"messages": MESSAGES, "model": "other", "stream": True}))
        assert "".join(chunk["choices"][0]["delta"]["content"] for chunk in chunks) == server.reply
        assert [body for _, body in server.requests] == [
            {"model": "scripted", "messages": MESSAGES, "colour": "blue"},
            {"model": "other", "messages": MESSAGES, "stream": True},
        ]


@pytest.mark.parametrize("body", [{}, {"code": 400}, {"message": "too long", "code": "length", "param": "n"}])
async def test_what_a_server_refuses_is_told_apart(body):
    """A refusal of the request keeps what the server says of it, in whatever shape; one of the key is not passed on."""
    async with engine_on(OpenAILanguageModel, status=422, error=body) as (server, llm):
        error = await contract.fails_with("llm", llm.stream(MESSAGES, Generation()))
        assert isinstance(error, RequestRefused)
        assert (error.status, error.param) == (422, body.get("param"))
        assert error.reason == ("length" if body.get("param") else "invalid_request")
        server.status = 403
        assert type(await contract.fails_with("llm", llm.relay({"messages": MESSAGES}))) is EngineError


async def test_speech_is_whole_samples_whatever_the_network_cuts():
    """Audio split at odd bytes is joined again: every sample arrives, none is torn."""
    async with engine_on(OpenAITextToSpeech) as (server, tts):
        voice = tts.open_voice("nova")
        async with aclosing(voice.stream("Good evening.")) as pieces:
            speech = [piece.pcm async for piece in pieces]
        assert all(len(pcm) % 2 == 0 for pcm in speech)
        assert set(b"".join(speech)[::2]) == {0xE8}
        assert sum(map(sample_count, speech)) == int(13 * CHARACTER_S * RATE_HZ)
        assert server.requests[0][1] == {
            "model": "scripted",
            "voice": "nova",
            "input": "Good evening.",
            "response_format": "pcm",
        }


async def test_closing_speech_closes_the_request():
    """A sentence that is cut off does not go on being made."""
    async with engine_on(OpenAITextToSpeech, hold=asyncio.Event()) as (server, tts):
        async with aclosing(tts.open_voice("").stream("Good evening.")) as pieces:
            await anext(pieces)
        await server.all_closed()
        assert server.broken_off == {"speech": 1}


async def test_an_utterance_is_sent_as_wav():
    """The whole utterance goes up as one WAV file and the transcript comes back as the final one."""
    async with engine_on(OpenAISpeechToText) as (server, stt):
        async with aclosing(stt.stream(chunks(bytes(32_000)))) as transcripts:
            found = [transcript async for transcript in transcripts]
        assert [(t.text, t.final) for t in found] == [(server.transcript, True)]
        assert server.requests[0][1] == {"wav_bytes": 32_044}


async def test_a_click_is_not_sent():
    """Less than a tenth of a second is no speech; servers refuse such files."""
    async with engine_on(OpenAISpeechToText) as (server, stt):
        async with aclosing(stt.stream(chunks(bytes(2_000)))) as transcripts:
            found = [transcript async for transcript in transcripts]
        assert [(t.text, t.final) for t in found] == [("", True)]
        assert not server.requests


async def _run(engine) -> None:
    """One stream of whichever kind the engine is, to its end."""
    match engine:
        case OpenAILanguageModel():
            stream = engine.stream(MESSAGES, Generation())
        case OpenAITextToSpeech():
            stream = engine.open_voice("nova").stream("Hi.")
        case OpenAISpeechToText():
            stream = engine.stream(chunks(bytes(32_000)))
    async with aclosing(stream) as items:
        async for _ in items:
            pass


@pytest.mark.parametrize("kind", [OpenAILanguageModel, OpenAITextToSpeech, OpenAISpeechToText])
async def test_a_refusal_is_an_engine_error_and_the_engine_lives_on(kind):
    """What the server answers reaches the person as words, and the next request works."""
    async with engine_on(kind, status=401) as (server, engine):
        with pytest.raises(EngineError, match="401") as caught:
            await _run(engine)
        assert caught.value.stage == STAGES[kind]
        server.status = 200
        await _run(engine)


@pytest.mark.parametrize("kind", [OpenAILanguageModel, OpenAITextToSpeech, OpenAISpeechToText])
async def test_a_server_that_is_not_there_is_an_engine_error(kind):
    """Nothing listening is said in words, with the address, and is not called a timeout."""
    async with kind(base_url="http://127.0.0.1:9/v1", api_key=None, model="x") as engine:
        with pytest.raises(EngineError, match=r"127\.0\.0\.1:9.*nothing is listening there"):
            await _run(engine)


@pytest.mark.parametrize("kind", [OpenAILanguageModel, OpenAITextToSpeech])
async def test_a_server_killed_in_the_middle_is_an_engine_error(kind):
    """A connection that breaks mid-stream is a failure that says so; a new server is used again."""
    first = serve_openai(hold=asyncio.Event())
    server = await first.__aenter__()
    async with kind(base_url=server.base_url, api_key=None, model="x") as engine:
        consumer = asyncio.create_task(_run(engine))
        await server.first_opened.wait()
        server.abort_connections()
        with pytest.raises(EngineError, match=r"the connection was lost in the middle"):
            await consumer
        await first.__aexit__(None, None, None)
        async with serve_openai(server.port):
            await _run(engine)


async def test_a_pause_is_answered_by_a_request_of_its_own():
    """What was said is known while the silence lasts, and deciding the turn costs no second request."""
    async with engine_on(OpenAISpeechToText) as (server, stt):
        await contract.answers_pauses(stt, bytes(32_000))
        assert len(server.requests) == 1
