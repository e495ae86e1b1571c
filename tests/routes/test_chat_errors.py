"""`/v1/chat/completions` over a real socket: what cannot be answered, what fails, and who leaves."""

from __future__ import annotations

import asyncio
import base64

import httpx2
import openai
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backend.audio import wav_bytes
from backend.errors import EngineError
from tests.routes.test_chat import (
    AUDIO,
    HELLO,
    RECORDING,
    REPLY,
    SPOKEN,
    STREAMED,
    Writer,
    asking,
    posting,
    said,
    server,
)
from tests.scripted import ScriptedTextToSpeech, tokens


def part(**audio):
    return said(messages=[{"role": "user", "content": [{"type": "input_audio", "input_audio": audio}]}])


NOTHING = base64.b64encode(b"this is no audio" * 100).decode()
IN_PART = "messages.0.content.0.input_audio.data"


@pytest.mark.parametrize(
    ("body", "status", "param"),
    [
        ({}, 400, "messages"),
        (said(messages=[]), 400, "messages"),
        (said(messages="hello"), 400, "messages"),
        (said(messages=[3]), 400, "messages.0"),
        (said(messages=[{"content": "x"}]), 400, "messages.0.role"),
        (said(messages=[{"role": "king", "content": "x"}]), 400, "messages.0.role"),
        (said(messages=[{"role": "user"}]), 400, "messages.0.content"),
        (said(messages=[{"role": "user", "content": [{"type": "video"}]}]), 400, "messages.0.content.0"),
        (said(messages=[{"role": "tool", "content": "x"}]), 400, "messages.0.tool_call_id"),
        (said(messages=[{"role": "assistant", "tool_calls": "x"}]), 400, "messages.0.tool_calls"),
        (said(messages=[{"role": "assistant", "audio": {"id": 3}}]), 400, "messages.0.audio.id"),
        (said(temperature=2.1), 400, "temperature"),
        (said(temperature="0.5"), 400, "temperature"),
        (said(top_p=-1), 400, "top_p"),
        (said(max_tokens=0), 400, "max_tokens"),
        (said(n=2), 400, "n"),
        (said(functions=[]), 400, "functions"),
        (said(tools="x"), 400, "tools"),
        (said(modalities=["smell"]), 400, "modalities.0"),
        (said(modalities=["audio"], audio={"voice": "one", "format": "midi"}), 400, "audio.format"),
        (said(modalities=["audio"], audio={"voice": "nobody", "format": "wav"}), 404, "audio.voice"),
        (said(**STREAMED | {"audio": AUDIO}), 400, "audio.format"),
        (said(model="character:nobody"), 404, "model"),
        (part(), 400, IN_PART),
        (part(data=3), 400, IN_PART),
        (part(data="!!"), 400, IN_PART),
        (part(data="http://example.org/a.wav"), 400, IN_PART),
        (part(data=NOTHING, format="wav"), 400, IN_PART),
        (part(data=base64.b64encode(wav_bytes(bytes(32 * 1801), 16)).decode(), format="wav"), 400, IN_PART),
    ],
)
async def test_what_cannot_be_answered(body, status, param):
    """Every refusal is in OpenAI's shape and names the field; no engine is asked, and the next request is served."""
    async with server() as (client, engines), posting(client) as post:
        answer = await post(body)
        error = answer.json()["error"]
        assert (answer.status_code, error["param"]) == (status, param)
        assert set(error) == {"message", "type", "param", "code"}
        assert engines.llm.counts.opened == engines.stt.counts.opened == engines.tts.counts.opened == 0
        assert (await post(said())).status_code == 200


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b'{"messages": [{"role": "user", "content": "\\ud800"}]}',
        b'{"messages": [{"role": "user", "content": "x"}], "seed": NaN}',
        b'{"messages": [{"role": "user", "content": "x"}], "deep": ' + b"[" * 900 + b"]" * 900 + b"}",
        b'{"messages": [{"role": "user", "content": "x"}], "deep": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
)
async def test_bodies_that_are_no_json(content):
    """What cannot be read, or not be written again, is the client's mistake."""
    async with server() as (client, _), httpx2.AsyncClient() as http:
        headers = {"content-type": "application/json"}
        answer = await http.post(f"{client.base_url}chat/completions", content=content, headers=headers)
    assert answer.status_code == 400
    assert set(answer.json()["error"]) == {"message", "type", "param", "code"}


TEXTS = st.text(max_size=5) | st.sampled_from(["user", "text", "input_audio", "wav", "AAAA", RECORDING])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
PARTS = st.fixed_dictionaries({"type": st.sampled_from(["text", "input_audio"])}, optional={"text": TEXTS | VALUES})
MESSAGES = st.fixed_dictionaries(
    {
        "role": st.sampled_from(["system", "user", "assistant", "tool", "developer"]),
        "content": TEXTS | TEXTS | st.lists(PARTS, max_size=2) | VALUES,
    },
    optional={"audio": VALUES, "tool_calls": VALUES, "tool_call_id": TEXTS, "voicechat": VALUES},
)
BODIES = st.fixed_dictionaries(
    {"messages": st.lists(MESSAGES, min_size=1, max_size=3)},
    optional={
        "model": st.sampled_from(["cast", "character:nora", "x"]) | VALUES,
        "modalities": st.just(["text", "audio"]) | VALUES,
        "audio": st.just(AUDIO) | VALUES,
        "stream": st.booleans() | VALUES,
        "temperature": st.floats(0, 2) | VALUES,
        "seed": VALUES,
        "tools": VALUES,
    },
)


async def test_no_body_is_a_failure_of_the_server():
    """Whatever the fields hold, the answer is an answer or a refusal that can be read."""
    bodies: list = []

    @settings(max_examples=200, suppress_health_check=list(HealthCheck), deadline=None)
    @given(BODIES)
    def collect(body):
        bodies.append(body)

    collect()
    statuses = set()
    async with server() as (client, _), posting(client) as post:
        for body in bodies:
            answer = await post(body)
            statuses.add(answer.status_code)
            if answer.status_code != 200:
                assert set(answer.json()["error"]) == {"message", "type", "param", "code"}
    assert {200, 400} <= statuses <= {200, 400, 404}


@pytest.mark.parametrize("fields", [{}, {"stream": True}, SPOKEN, STREAMED])
async def test_a_language_model_that_fails(fields):
    """Before the first word a failure is a status."""
    async with server(Writer([EngineError("llm", "out of words")])) as (client, _):
        with pytest.raises(openai.InternalServerError, match="out of words") as raised:
            await asking(client, **fields)
        assert (raised.value.status_code, raised.value.code) == (503, "llm_error")


@pytest.mark.parametrize("fields", [{"stream": True}, STREAMED])
async def test_a_language_model_that_fails_in_the_middle(fields):
    """What was written is kept, and the client raises what the last event says."""
    seen = []
    async with server(Writer([*tokens(REPLY), EngineError("llm", "out of words")])) as (client, _):
        with pytest.raises(openai.APIError, match="out of words"):
            async for chunk in await client.chat.completions.create(model="m", messages=[HELLO], **fields):
                seen.append(chunk)
    assert seen


async def test_a_voice_that_fails():
    """A voice's failure is told as its own, and the language model is not left writing."""
    tts = ScriptedTextToSpeech(first_audio_s=0.0)
    tts.fail = True
    async with server(tts=tts) as (client, engines):
        with pytest.raises(openai.InternalServerError, match="hoarse"):
            await asking(client, **SPOKEN)
        assert engines.llm.counts.live == tts.counts.live == 0


@pytest.mark.parametrize("fields", [{}, {"stream": True}, SPOKEN, STREAMED, {"model": "cast"}])
async def test_a_client_that_leaves_stops_the_engines(fields):
    """Nobody writes or speaks for a client that is gone."""
    llm = Writer([*tokens("Good evening to you. It"), asyncio.Event()])
    async with server(llm) as (client, engines), posting(client) as post:
        leaving = asyncio.create_task(post(said(**fields)))
        await llm.begun.wait()
        leaving.cancel()
        async with asyncio.timeout(10):
            await llm.stopped.wait()
    assert engines.llm.counts.live == engines.tts.counts.live == 0


async def test_the_key():
    """The door has the same lock as the others."""
    async with server(api_key="secret") as (client, _):
        with pytest.raises(openai.AuthenticationError):
            await asking(client)
