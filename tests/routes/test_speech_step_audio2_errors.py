"""What can go wrong with `/v1/audio/speech` and Step-Audio 2: who asked is told in OpenAI's shape, nothing is left
working, and the next request is served."""

from __future__ import annotations

import asyncio
import base64
from contextlib import AsyncExitStack
from functools import partial

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from backend.audio import wav_bytes
from backend.engines import step_audio2
from backend.protocols.openai_speech import MAX_INPUT_CHARACTERS
from boson_multimodal import audio_server, speech_llm
from boson_multimodal.tiny_step_audio2 import write_tiny_step_audio2
from boson_multimodal.tts.step_audio2 import MAX_STREAMS
from tests.boson_multimodal.step_server import ABORT, STOP, StepServer, codes, content, delta, serve_step, spoken
from tests.openai_server import serve_app
from tests.routes.step_audio2_door import CODE_BYTES, CODES, SPEECH, TEXT, door, door_to, events_of, sound_of

BEGUN, REST = SPEECH[:6], SPEECH[6:]
"""Enough for the first sound, and the other codes."""


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """A tiny checkpoint and its voices."""
    return write_tiny_step_audio2(tmp_path_factory.mktemp("step"))


class Pause(asyncio.Event):
    """Where a model stops writing until this is set; `reached` tells that one has come so far."""

    def __init__(self):
        super().__init__()
        self.reached = asyncio.Event()

    async def wait(self):
        self.reached.set()
        return await super().wait()


def said_by(answer, status=503, kind="server_error", code="tts_error", param=None) -> str:
    """What an error says, which is one in OpenAI's shape."""
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/json")
    error = answer.json()["error"]
    assert (error["type"], error["code"], error["param"]) == (kind, code, param)
    return error["message"]


def recording(seconds: float) -> str:
    """A recording of that length, in base64."""
    return base64.b64encode(wav_bytes(bytes(2 * int(24_000 * seconds)), 24_000)).decode()


REFUSED = [
    ({"input": ""}, 400, "invalid_request", "input", "at least 1 character"),
    ({"input": "a" * (MAX_INPUT_CHARACTERS + 1)}, 413, "too_large", "input", "at most"),
    ({"voice": "nobody"}, 404, "not_found", "voice", "anna, bert"),
    ({"voice": "masculine;low pitch"}, 404, "not_found", "voice", "anna, bert"),
    ({"response_format": "midi"}, 400, "invalid_request", "response_format", "'mp3'"),
    ({"speed": 0.2}, 400, "invalid_request", "speed", "0.25"),
    ({"speed": 4.1}, 400, "invalid_request", "speed", "4"),
    ({"temperature": 3}, 400, "invalid_request", "temperature", "2"),
    ({"ref_text": "Hum."}, 400, "invalid_request", None, "ref_audio"),
    ({"ref_audio": "data:audio/wav;base64,AAAA"}, 400, "invalid_request", "ref_audio", "cannot be decoded"),
    ({"ref_audio": "no_base64!"}, 400, "invalid_request", "ref_audio", "this is no base64"),
    ({"ref_audio": "https://127.0.0.1/a.wav"}, 400, "invalid_request", "ref_audio", "not fetched"),
    ({"ref_audio": recording(61)}, 400, "invalid_request", "ref_audio", "60 s"),
]


async def test_what_cannot_be_read_is_refused(checkpoint):
    """The client is told which field is to blame and what to do, and the model is not even asked."""
    async with door(checkpoint) as at:
        for fields, status, code, param, says in REFUSED:
            answer = await at.post(**fields)
            assert says in said_by(answer, status, "invalid_request_error", code, param)
        assert at.model.requests == []
        assert await at.is_well()


async def test_a_recording_too_short_to_imitate_is_refused(checkpoint):
    """It is the client's to mend, so that no client tries again with the same, and it says how long is long enough."""
    async with door(checkpoint) as at:
        for stream_format in (None, "sse"):
            answer = await at.post(ref_audio=recording(0.3), stream_format=stream_format)
            assert "give 0.5 s" in said_by(answer, 400, "invalid_request_error", "invalid_audio")
        assert (await at.post(ref_audio=recording(0.6))).status_code == 200
        at.model.script = [content(codes(1, 2))]
        assert "in the middle" in said_by(await at.post(ref_audio=recording(0.6)))
        assert await at.is_well()


CALL = {"index": 0, "id": "a", "function": {"name": "weather", "arguments": "{}"}}
UNSPOKEN = [
    ("nothing", (STOP,), "read nothing aloud"),
    ("words", (content("I would rather not."), STOP), "I would rather not"),
    ("words told apart", (spoken("I would rather not.", None), STOP), "I would rather not"),
    ("a tool call", (delta(tool_calls=[CALL]), delta("tool_calls")), "read nothing aloud"),
    ("fillers", (content(codes(6561, 6561)), STOP), "read nothing aloud"),
    ("no codes of the codebook", (content(codes(6562, 9999)), STOP), "outside the codebook"),
    ("half a code", (content("word <audio_12"), delta("length")), "failed"),
    ("no end", (content(codes(1, 2)),), "ended its answer in the middle"),
    ("an error", ({"error": {"message": "out of memory"}},), "out of memory"),
]


async def test_a_model_that_does_not_speak(checkpoint):
    """An answer without sound is an error with the model's reason, and never an empty file."""
    async with door(checkpoint) as at:
        for case, script, says in UNSPOKEN:
            for fields in ({"response_format": "mp3"}, {"response_format": "wav"}, {"stream_format": "sse"}):
                at.model.script = list(script)
                assert says in said_by(await at.post(**fields)), case
            assert await at.is_well()


async def test_codes_outside_the_codebook_are_left_out(checkpoint):
    """What else was written is heard, each code of it in its place, up to one that is cut in two."""
    async with door(checkpoint, content(f"word {codes(100, 6561, 7000, 101, 102)}<audio_1"), STOP) as at:
        heard = await at.read()
        at.model.script = [content(codes(100, 101, 102)), STOP]
        assert len(heard) == 3 * CODE_BYTES
        assert heard == await at.read()


async def test_a_model_that_fails_before_it_speaks(checkpoint):
    """The server's status and its own words are passed on as a 503: nobody's request was wrong but this server's."""
    async with door(checkpoint, status=500) as at:
        assert "500: scripted failure" in said_by(await at.post())
        assert await at.is_well()


async def test_a_model_that_is_gone_and_comes_back(checkpoint):
    """Without a server the request fails soon and says where it was looked for; once there is one, it is used."""
    async with serve_step() as gone:
        pass
    async with door_to(checkpoint, gone) as at:
        assert gone.base_url in said_by(await at.post())
        back = StepServer([*SPEECH, STOP])
        routes = [Route("/v1/chat/completions", back.answer, methods=["POST"])]
        async with serve_app(Starlette(routes=routes), gone.port):
            at.model = back
            assert await at.is_well()


async def test_a_model_that_falls_silent(checkpoint, monkeypatch):
    """After a while without a word it counts as failed, and its request is closed."""
    monkeypatch.setattr(speech_llm, "SpeechLLM", partial(speech_llm.SpeechLLM, timeout_s=0.2))
    async with door(checkpoint, content("word "), asyncio.Event(), STOP) as at:
        assert "did not answer in time" in said_by(await at.post())
        assert await at.is_well()
        assert at.model.broken_off == 1


async def test_a_model_that_breaks_off_while_it_is_heard(checkpoint):
    """A file that is streamed is cut off, which no client takes for its end; events end with one that says why; a file
    that is sent whole is not sent."""
    async with asyncio.timeout(60), door(checkpoint) as at:
        for fields in ({}, {"response_format": "mp3"}, {"stream_format": "sse"}):
            breaking = asyncio.Event()
            at.model.script = [*BEGUN, breaking, ABORT]
            async with at.stream(**fields) as answer:
                pieces = answer.aiter_bytes()
                received = await anext(pieces)
                assert (answer.status_code, bool(received)) == (200, True)
                breaking.set()
                if "stream_format" in fields:
                    *sound, error = events_of((received + b"".join([piece async for piece in pieces])).decode())
                    assert sound_of(sound)
                    assert error["error"]["code"] == "tts_error"
                    assert "connection" in error["error"]["message"]
                else:
                    with pytest.raises(httpx2.RemoteProtocolError):
                        await anext(pieces)
            assert await at.is_well()
        at.model.script = [*BEGUN, ABORT]
        assert "connection" in said_by(await at.post(response_format="wav"))
        assert await at.is_well()


@pytest.mark.parametrize("fields", [{}, {"stream_format": "sse"}, {"response_format": "mp3"}])
async def test_a_client_that_leaves_closes_the_models_request(checkpoint, fields):
    """Nobody pays for codes that nobody hears."""
    async with asyncio.timeout(60), door(checkpoint, *BEGUN, asyncio.Event(), *REST, STOP) as at:
        async with at.stream(**fields) as answer:
            assert await anext(answer.aiter_bytes())
            assert at.tts.speaking == 1
        await at.app.idle.wait()
        assert at.tts.speaking == 0
        await at.model.all_closed()
        assert (at.model.finished, at.model.broken_off) == (0, 1)
        assert await at.is_well()


async def test_a_client_that_leaves_before_a_whole_file_was_made(checkpoint):
    """The same where nothing has been sent yet."""
    rest = Pause()
    async with asyncio.timeout(60), door(checkpoint, *BEGUN, rest, *REST, STOP) as at:
        asking = asyncio.create_task(at.post(response_format="wav"))
        await rest.reached.wait()
        asking.cancel()
        await at.app.idle.wait()
        assert at.tts.speaking == 0
        await at.model.all_closed()
        assert (at.model.finished, at.model.broken_off) == (0, 1)
        assert await at.is_well()


async def test_one_too_many_is_told_so_and_the_others_are_heard(checkpoint, monkeypatch):
    """What there is no room for in time is a 503, which clients try again; it takes nothing from those that speak."""
    rest = asyncio.Event()
    monkeypatch.setattr(audio_server, "ROOM_WITHIN_S", 0.05)
    async with asyncio.timeout(60), AsyncExitStack() as stack, door(checkpoint, *BEGUN, rest, *REST, STOP) as at:
        heard = []
        for place in range(MAX_STREAMS):
            voice = ("anna", "bert")[place % 2]
            pieces = (await stack.enter_async_context(at.stream(voice=voice))).aiter_bytes()
            heard.append((voice, pieces, await anext(pieces)))
        assert "too many" in said_by(await at.post())
        rest.set()
        for voice, pieces, first in heard:
            assert first + b"".join([piece async for piece in pieces]) == await at.read(voice=voice)
        assert await at.is_well()


async def test_speech_cut_short_by_the_server_is_logged(checkpoint, caplog):
    """What was made is heard, and who runs the server learns that it was not all."""
    async with door(checkpoint, *SPEECH, STOP) as at:
        assert len(await at.read()) == len(CODES) * CODE_BYTES
        assert not [record for record in caplog.records if record.name == step_audio2.__name__]
        at.model.script = [*SPEECH, delta("length")]
        assert len(await at.read()) == len(CODES) * CODE_BYTES
        (warning,) = [record for record in caplog.records if record.name == step_audio2.__name__]
        assert warning.levelname == "WARNING"
        assert f"{len(TEXT)} characters" in warning.getMessage()
        assert "1.6 s" in warning.getMessage()
