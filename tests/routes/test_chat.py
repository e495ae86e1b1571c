"""`/v1/chat/completions` over a real socket, with the official client: what this server writes and says itself."""

from __future__ import annotations

import asyncio
import base64
import io
import json
from contextlib import asynccontextmanager

import av
import httpx2
import openai
import pytest
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from backend.app import create_app
from backend.audio import wav_bytes
from backend.engines.interfaces import Finish, ToolCallPiece
from backend.errors import EngineError
from backend.session_settings import Engines
from backend.settings import Settings
from tests.openai_server import serve_app
from tests.scripted import (
    CHARACTER_S,
    LoudnessVad,
    ScriptedLanguageModel,
    ScriptedSpeechToText,
    ScriptedTextToSpeech,
    tokens,
)

REPLY = "Good evening to you. It is late."
AUDIO = {"voice": "nova", "format": "wav"}
SPOKEN = {"modalities": ["text", "audio"], "audio": AUDIO}
STREAMED = {"modalities": ["text", "audio"], "audio": AUDIO | {"format": "pcm16"}, "stream": True}
HELLO = {"role": "user", "content": "Hello."}
VOICE = (8000).to_bytes(2, "little") * 512
RECORDING = base64.b64encode(wav_bytes(VOICE * 50 + bytes(1024 * 25), 16_000)).decode()
CALL = {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": '{"at": "sky"}'}}
TOOLS = [{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}]


class Writer(ScriptedLanguageModel):
    """Writes each of `replies`, each a text or a list of what is written, without a pause; keeps what it was asked."""

    def __init__(self, *replies):
        super().__init__()
        self.scripts = [tokens(reply) if isinstance(reply, str) else reply for reply in replies]
        self.generations = []
        self.begun, self.stopped = asyncio.Event(), asyncio.Event()

    async def stream(self, messages, generation):
        script = self.scripts[len(self.requests) % len(self.scripts)]
        self.requests.append(messages)
        self.generations.append(generation)
        self.counts.opened += 1
        self.begun.set()
        try:
            for item in script:
                if isinstance(item, EngineError):
                    raise item
                if isinstance(item, asyncio.Event):
                    await item.wait()
                else:
                    yield item
        finally:
            self.counts.closed += 1
            self.stopped.set()


@asynccontextmanager
async def server(llm=None, tts=None, stt=None, **options):
    """The official client of a server with these engines, and the engines."""
    engines = Engines(
        stt or ScriptedSpeechToText("what is the plan", final_s=0),
        llm or Writer(REPLY),
        tts or ScriptedTextToSpeech(first_audio_s=0.0, real_time_factor=0.0),
        LoudnessVad(),
    )
    async with serve_app(create_app(Settings(**options), engines)) as (port, _):
        url = f"http://127.0.0.1:{port}/v1"
        async with openai.AsyncOpenAI(base_url=url, api_key="any", max_retries=0) as client:
            yield client, engines


async def asking(client, *messages, model="voicechat", **fields):
    """The answer; its chunks where it is streamed."""
    answer = await client.chat.completions.create(model=model, messages=list(messages) or [HELLO], **fields)
    return [chunk async for chunk in answer] if fields.get("stream") else answer


def said(**fields):
    return {"messages": [HELLO], **fields}


@asynccontextmanager
async def posting(client):
    """A plain HTTP client for what the official one would not send."""
    async with httpx2.AsyncClient(base_url=str(client.base_url), timeout=30) as http:
        yield lambda body, **options: http.post("chat/completions", json=body, **options)


def duration_s(data: bytes, name: str) -> float:
    """How long the audio is, decoded as a player would."""
    if name == "pcm16":
        return len(data) / 2 / 24_000
    with av.open(io.BytesIO(data)) as container:
        rate = container.streams.audio[0].rate
        return sum(frame.samples for frame in container.decode(audio=0)) / rate


async def test_text():
    """A language model without a server of its own answers in OpenAI's shape, with an estimate of what it took."""
    async with server() as (client, _):
        answer = await asking(client)
    ChatCompletion.model_validate(answer.model_dump(exclude_unset=True), strict=True)
    assert (answer.object, answer.model) == ("chat.completion", "voicechat")
    assert (answer.choices[0].message.content, answer.choices[0].finish_reason) == (REPLY, "stop")
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    assert answer.usage.completion_tokens == len(REPLY) / 4


async def test_text_streamed():
    """The first chunk has the role, the last the reason, and the one after it the usage, if it was asked for."""
    async with server(Writer([*tokens(REPLY), Finish("length", 7, 9)])) as (client, engines):
        chunks = await asking(client, stream=True, stream_options={"include_usage": True})
        plain = await asking(client, stream=True)
    for chunk in chunks:
        ChatCompletionChunk.model_validate(chunk.model_dump(exclude_unset=True), strict=True)
    assert len({chunk.id for chunk in chunks}) == 1
    assert chunks[0].choices[0].delta.role == "assistant"
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks[:-1]) == REPLY
    assert chunks[-2].choices[0].finish_reason == "length"
    assert (chunks[-1].choices, chunks[-1].usage.prompt_tokens, chunks[-1].usage.completion_tokens) == ([], 7, 9)
    assert plain[-1].choices[0].finish_reason == "length"
    assert "stream_options" not in engines.llm.generations[1].extra


async def test_how_to_write_reaches_the_language_model():
    """Settings, and fields this server knows nothing of, are for the language model."""
    async with server() as (client, engines):
        fields = {"temperature": 0.5, "top_p": 0.9, "max_tokens": 20, "seed": 7, "extra_body": {"colour": "blue"}}
        await asking(client, model="other", **fields)
        await asking(client, model="gpt-audio")
    first, second = engines.llm.generations
    assert (first.model, first.temperature, first.top_p, first.max_tokens) == ("other", 0.5, 0.9, 20)
    assert {"seed": 7, "colour": "blue"}.items() <= first.extra.items()
    assert second.model is None


@pytest.mark.parametrize("spoken", [{}, SPOKEN])
async def test_tools_there_and_back(spoken):
    """A call is passed on, with or without audio; its result is read, and then there is an answer."""
    pieces = [ToolCallPiece(0, "", "call_1", "look"), ToolCallPiece(0, '{"at": '), ToolCallPiece(0, '"sky"}')]
    async with server(Writer([*pieces, Finish("tool_calls", 5, 6)], REPLY)) as (client, engines):
        called = await asking(client, HELLO, tools=TOOLS, **spoken)
        message = called.choices[0].message
        assert called.choices[0].finish_reason == "tool_calls"
        assert (message.content, message.audio) == (None, None)
        assert [call.model_dump() for call in message.tool_calls] == [CALL]
        result = {"role": "tool", "tool_call_id": "call_1", "content": "grey"}
        answer = await asking(client, HELLO, message, result, tools=TOOLS, **spoken)
    assert REPLY in (answer.choices[0].message.content, getattr(answer.choices[0].message.audio, "transcript", None))
    assert engines.llm.generations[0].extra["tools"] == TOOLS
    assert engines.llm.requests[1][1:] == [{"role": "assistant", "content": "", "tool_calls": [CALL]}, result]


async def test_tools_streamed():
    """The official client puts the pieces of two calls together, one of which has no id of its own."""
    pieces = [ToolCallPiece(0, "{", "call_1", "look"), ToolCallPiece(1, "{}", "", "go"), ToolCallPiece(0, "}")]
    async with (
        server(Writer(pieces)) as (client, _),
        client.chat.completions.stream(model="voicechat", messages=[HELLO], tools=TOOLS) as stream,
    ):
        answer = await stream.get_final_completion()
    calls = answer.choices[0].message.tool_calls
    assert [(call.function.name, call.function.arguments) for call in calls] == [("look", "{}"), ("go", "{}")]
    assert answer.choices[0].finish_reason == "tool_calls"
    assert calls[1].id


@pytest.mark.parametrize("name", ["wav", "mp3", "flac", "opus", "aac", "pcm16"])
async def test_audio(name):
    """The answer is heard in every format, in the voice asked for; what is said is the transcript."""
    async with server() as (client, engines):
        answer = await asking(client, modalities=["text", "audio"], audio={"voice": "two", "format": name})
    message = answer.choices[0].message
    expected_s = (len(REPLY) - 1) * CHARACTER_S
    assert (message.content, message.audio.transcript) == (None, REPLY)
    assert duration_s(base64.b64decode(message.audio.data), name) == pytest.approx(expected_s, abs=0.1)
    assert engines.tts.spoken == [("two", "Good evening to you."), ("two", "It is late.")]
    details = answer.usage.completion_tokens_details
    assert details.audio_tokens == -(-expected_s * 25 // 1)
    assert answer.usage.completion_tokens == details.text_tokens + details.audio_tokens


async def test_audio_streamed():
    """Words and samples come in pieces under one id, then when it expires, then the reason and the usage."""
    async with server() as (client, _):
        chunks = await asking(client, **STREAMED, stream_options={"include_usage": True})
    audio = [chunk.choices[0].delta.audio for chunk in chunks[:-1] if chunk.choices[0].delta.audio]
    audio = [delta.model_dump(exclude_none=True) for delta in audio]
    assert [delta["id"] for delta in audio if "id" in delta] == [audio[0]["id"]]
    assert "".join(delta.get("transcript", "") for delta in audio) == REPLY
    data = b"".join(base64.b64decode(delta.get("data", "")) for delta in audio)
    assert duration_s(data, "pcm16") == pytest.approx((len(REPLY) - 1) * CHARACTER_S, abs=0.01)
    assert audio[-1]["expires_at"] > 0
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert chunks[-1].usage.completion_tokens_details.audio_tokens > 0


async def test_the_first_sentence_is_heard_before_the_second_is_written():
    """Speech does not wait for the language model to finish."""
    heard = asyncio.Event()
    async with server(Writer([*tokens("Good evening to you. It"), heard, " is late."])) as (client, _):
        said = ""
        async for chunk in await client.chat.completions.create(model="voicechat", messages=[HELLO], **STREAMED):
            audio = chunk.choices[0].delta.audio
            said += (audio and audio.transcript) or ""
            if audio and audio.data:
                heard.set()
        assert said == REPLY


async def test_a_character_answers_in_its_own_voice():
    """The model named after a character has its prompt and its voice, and keeps to its own lines."""
    async with server(Writer("Nora: The tide is out. User: I see.")) as (client, engines):
        system = {"role": "developer", "content": "It is 1920."}
        answer = await asking(client, system, HELLO, model="character:nora", **SPOKEN | {"audio": {"format": "wav"}})
    assert answer.choices[0].message.audio.transcript == "The tide is out."
    assert answer.choices[0].message.voicechat == {"character": "nora"}
    assert {voice for voice, _ in engines.tts.spoken} == {"nova"}
    prompt, asked = engines.llm.requests[0]
    assert "You are Nora, sixty-one" in prompt["content"]
    assert "Also present" not in prompt["content"]
    assert prompt["content"].endswith("It is 1920.")
    assert asked == HELLO
    assert engines.llm.generations[0].model is None


async def test_the_director_chooses_who_answers():
    """Of those addressed the first who has not answered yet speaks; each sees the other's line as somebody else's."""
    async with server(Writer("Aye.", "Indeed.", "And so?")) as (client, engines):
        both = {"role": "user", "content": "Oscar and Iris, is it late?"}
        first = (await asking(client, both, model="cast")).choices[0].message
        second = (await asking(client, both, first, model="cast", stream=True))[0].choices[0].delta
        assert (first.voicechat, second.voicechat) == ({"character": "oscar"}, {"character": "iris"})
        history = [both, first, {"role": "assistant", "content": "Indeed.", "voicechat": {"character": "iris"}}]
        third = await asking(client, *history, {"role": "user", "content": "Why?"}, model="cast")
    assert third.choices[0].message.voicechat == {"character": "iris"}
    prompt, asked = engines.llm.requests[1]
    assert "You are Iris in a spoken conversation" in prompt["content"]
    assert asked["content"] == "User: Oscar and Iris, is it late?\nOscar: Aye."
    assert [message["role"] for message in engines.llm.requests[2]] == ["system", "user", "assistant", "user"]


async def test_an_unknown_character():
    """The refusal says whom there is."""
    async with server() as (client, _):
        with pytest.raises(openai.NotFoundError, match="character:nora") as raised:
            await asking(client, model="character:nobody")
        assert raised.value.param == "model"
        names = {model.id async for model in await client.models.list()}
        assert {"voicechat", "cast", "character:nora", "character:oscar", "character:iris"} <= names


async def test_audio_in():
    """What is said in a recording stands in its place; silence is no words."""
    silence = base64.b64encode(wav_bytes(bytes(32_000), 16_000)).decode()
    parts = [{"type": "input_audio", "input_audio": {"data": data, "format": "wav"}} for data in (RECORDING, silence)]
    async with server() as (client, engines):
        await asking(client, {"role": "user", "content": [{"type": "text", "text": "Listen:"}, *parts]})
    assert engines.llm.requests == [[{"role": "user", "content": "Listen:\nwhat is the plan\n"}]]


async def test_an_earlier_answer_by_its_id():
    """A client refers to what was said by the id of its audio, also to a character's line."""
    async with server(Writer(REPLY, "Quite.")) as (client, engines):
        first = await asking(client, model="character:oscar", **SPOKEN)
        earlier = {"role": "assistant", "audio": {"id": first.choices[0].message.audio.id}}
        await asking(client, HELLO, earlier, HELLO)
        await asking(client, HELLO, earlier, HELLO, model="character:iris")
        chunks = await asking(client, **STREAMED)
        streamed = {"role": "assistant", "audio": {"id": chunks[0].choices[0].delta.audio.id}}
        await asking(client, HELLO, streamed, HELLO)
        with pytest.raises(openai.NotFoundError, match="audio_0") as raised:
            await asking(client, HELLO, {"role": "assistant", "audio": {"id": "audio_0"}})
        assert raised.value.param == "messages.1.audio.id"
    assert engines.llm.requests[1] == [HELLO, {"role": "assistant", "content": REPLY}, HELLO]
    assert engines.llm.requests[4][1]["content"] == "Quite."


async def test_it_is_documented():
    """The OpenAPI document says what is taken and in which forms it is answered."""
    async with server() as (client, _), httpx2.AsyncClient() as http:
        document = (await http.get(f"{str(client.base_url).removesuffix('/v1/')}/openapi.json")).json()
    described = document["paths"]["/v1/chat/completions"]["post"]
    assert set(described["responses"]["200"]["content"]) == {"application/json", "text/event-stream"}
    assert {"messages", "modalities", "audio", "stream"} <= set(
        document["components"]["schemas"]["ChatRequest"]["properties"]
    )
    json.dumps(document)
