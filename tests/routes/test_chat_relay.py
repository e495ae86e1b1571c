"""`/v1/chat/completions` where the language model has a server of its own, over two real sockets."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import httpx2
import openai
import pytest

from backend.engines.openai import OpenAILanguageModel
from tests.openai_server import serve_openai
from tests.routes.test_chat import HELLO, RECORDING, SPOKEN, STREAMED, TOOLS, asking, posting, said, server

COMPLETION = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 5,
    "model": "theirs",
    "choices": [
        {
            "index": index,
            "message": {"role": "assistant", "content": "Hi.", "reasoning_content": "hm"},
            "logprobs": {"content": []},
            "finish_reason": "length",
        }
        for index in range(2)
    ],
    "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3, "prompt_tokens_details": None},
    "timings": {"predicted_ms": 7.5},
}


def chunk(*choices, **fields):
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 5, "model": "theirs"}
    return head | {"choices": list(choices)} | fields


def delta(reason=None, **fields):
    return {"index": 0, "delta": fields, "finish_reason": reason}


CALL = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
CHUNKS = [
    chunk(delta(role="assistant", content="", reasoning_content="hm")),
    chunk(delta(content="I shall look.")),
    chunk(delta(tool_calls=[CALL])),
    chunk(delta("tool_calls"), system_fingerprint="fp"),
    chunk(usage={"prompt_tokens": 11, "completion_tokens": 12, "total_tokens": 23}),
]


@asynccontextmanager
async def relaying(**scripted):
    """The official client of a server whose language model has this scripted server, and that server."""
    async with (
        serve_openai(**scripted) as upstream,
        OpenAILanguageModel(base_url=upstream.base_url, api_key="key", model="configured") as llm,
        server(llm) as (client, _),
    ):
        yield client, upstream


async def test_whole_and_verbatim():
    """Request and answer pass through as they are, with fields nobody here knows of."""
    body = said(model="theirs", n=2, temperature=1, logprobs=True, tools=TOOLS, colour={"deep": ["blue", None]})
    body["messages"] = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}], "name": "Ann"}]
    async with relaying(completion=COMPLETION) as (client, upstream), posting(client) as post:
        answer = await post(body)
        assert (answer.status_code, answer.json()) == (200, COMPLETION)
        assert upstream.requests == [("chat", body)]
        assert (await asking(client, n=2)).choices[1].message.content == "Hi."


async def test_streamed_and_verbatim():
    """Every chunk passes through, and the stream ends as OpenAI's does."""
    async with relaying(chunks=CHUNKS) as (client, upstream):
        chunks = await asking(client, stream=True, stream_options={"include_usage": True})
        assert [chunk.model_dump(exclude_unset=True) for chunk in chunks] == CHUNKS
        assert upstream.requests[0][1]["stream_options"] == {"include_usage": True}
        async with posting(client) as post:
            assert (await post(said(stream=True))).text.endswith("}\n\ndata: [DONE]\n\n")


@pytest.mark.parametrize("fields", [{}, {"model": None}, {"model": "voicechat"}, {"model": "gpt-audio"}])
async def test_without_a_model_it_is_the_one_that_is_set_up(fields):
    """Names of this server's own mean nothing to another."""
    async with relaying(completion=COMPLETION) as (client, upstream), posting(client) as post:
        assert (await post(said(**fields))).status_code == 200
        assert upstream.requests[0][1]["model"] == "configured"


async def test_what_is_spoken_is_passed_on_as_words():
    """Recordings and earlier answers are resolved here; the other server gets text, and no fields of this one's."""
    parts = [{"type": "text", "text": "Listen:"}, {"type": "input_audio", "input_audio": {"data": RECORDING}}]
    async with relaying(completion=COMPLETION) as (client, upstream):
        earlier = await asking(client, model="character:nora", **SPOKEN)
        reference = {"role": "assistant", "audio": {"id": earlier.choices[0].message.audio.id}}
        await asking(client, HELLO, reference, {"role": "user", "content": parts})
        assert upstream.requests[1][1]["messages"] == [
            HELLO,
            {"role": "assistant", "content": upstream.reply},
            {"role": "user", "content": [parts[0], {"type": "text", "text": "what is the plan"}]},
        ]


async def test_audio_with_tools_and_usage():
    """With audio the words of the other server are spoken, its calls passed on and its tokens counted."""
    async with relaying(chunks=CHUNKS) as (client, upstream):
        answer = await asking(client, tools=TOOLS, **SPOKEN)
        message = answer.choices[0].message
        assert (message.audio.transcript, message.tool_calls[0].function.name) == ("I shall look.", "look")
        assert answer.choices[0].finish_reason == "tool_calls"
        usage = answer.usage
        assert (usage.prompt_tokens, usage.completion_tokens_details.text_tokens) == (11, 12)
        sent = upstream.requests[0][1]
        assert sent["stream_options"] == {"include_usage": True}
        assert {"modalities", "audio", "n"}.isdisjoint(sent)


@pytest.mark.parametrize("fields", [{}, {"stream": True}, SPOKEN, STREAMED])
@pytest.mark.parametrize("status", [400, 404, 422])
async def test_a_refusal_of_the_request_stays_one(status, fields):
    """The client learns what the other server finds wrong with its request, with the same status."""
    error = {"message": "too long", "type": "x", "param": "messages", "code": "context_length_exceeded"}
    async with relaying(status=status, error=error) as (client, _):
        with pytest.raises(openai.APIStatusError, match="too long") as raised:
            await asking(client, **fields)
    refused = raised.value
    assert (refused.status_code, refused.param, refused.code) == (status, "messages", "context_length_exceeded")
    assert refused.type == "invalid_request_error"


@pytest.mark.parametrize("status", [401, 403, 500])
async def test_trouble_with_the_other_server_is_not_the_clients(status):
    """A wrong key of this server's, or a fault over there, is a 503."""
    async with relaying(status=status) as (client, _):
        with pytest.raises(openai.InternalServerError, match="scripted failure") as raised:
            await asking(client)
    assert (raised.value.status_code, raised.value.code) == (503, "llm_error")


@pytest.mark.parametrize("fields", [{}, {"stream": True}])
async def test_a_server_that_is_not_there(fields):
    """What is wrong is said before an answer is begun."""
    async with (
        OpenAILanguageModel(base_url="http://127.0.0.1:9/v1", api_key=None, model="x") as llm,
        server(llm) as (client, _),
    ):
        with pytest.raises(openai.InternalServerError, match="nothing is listening there"):
            await asking(client, **fields)


async def test_a_server_that_dies_in_the_middle():
    """What came is kept, and the client raises what the last event says."""
    seen = []
    async with relaying(hold=asyncio.Event()) as (client, upstream):
        with pytest.raises(openai.APIError, match="the connection was lost"):
            async for chunk in await client.chat.completions.create(model="m", messages=[HELLO], stream=True):
                seen.append(chunk.choices[0].delta.content)
                if "".join(seen) == upstream.reply:
                    upstream.abort_connections()
    assert "".join(seen) == upstream.reply


@pytest.mark.parametrize("completion", [[], "text", 3])
async def test_a_server_that_answers_something_else(completion):
    """An answer that is none is the other server's failure."""
    async with relaying(completion=completion) as (client, _), posting(client) as post:
        assert (await post(said())).status_code == 503


@pytest.mark.parametrize("fields", [{}, {"stream": True}, SPOKEN, STREAMED])
async def test_a_client_that_leaves_closes_the_other_servers_stream(fields):
    """The other server can stop when nobody reads any more."""
    async with relaying(hold=asyncio.Event(), completion=COMPLETION) as (client, upstream), posting(client) as post:
        leaving = asyncio.create_task(post(said(**fields)))
        await upstream.first_opened.wait()
        leaving.cancel()
        await asyncio.wait((leaving,))
        async with asyncio.timeout(10):
            await upstream.all_closed()
        assert upstream.broken_off == {"chat": 1}


async def test_half_a_character_is_not_passed_on():
    """Only the client can mend what no server would take."""
    async with relaying(completion=COMPLETION) as (client, upstream), httpx2.AsyncClient() as http:
        content = b'{"messages": [{"role": "user", "content": "\\ud83d"}]}'
        headers = {"content-type": "application/json"}
        answer = await http.post(f"{client.base_url}chat/completions", content=content, headers=headers)
        assert answer.status_code == 400
        assert not upstream.requests
