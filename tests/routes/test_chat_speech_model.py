"""`/v1/chat/completions` with a language model that speaks for itself, through the official client."""

from __future__ import annotations

import asyncio
import base64
import io
import wave
from contextlib import asynccontextmanager

import httpx2
import numpy as np
import openai
import pytest
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from backend.audio import wav_bytes
from backend.encoding import encoded
from boson_multimodal.tiny_step_audio2 import write_tiny_step_audio2
from tests.boson_multimodal.step_server import ABORT, STOP, codes, content, usage
from tests.routes.test_chat import HELLO, asking, duration_s
from tests.speech_model import CALLS, CODES, FORMS, PADS, RAW, SPEECH, TOOLS, WORDS, sound_of, speaking_server

AUDIO = {"voice": "anna", "format": "pcm16"}
SPOKEN = {"modalities": ["text", "audio"], "audio": AUDIO}
STREAMED = {**SPOKEN, "stream": True}
USED = usage(40, 250)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """A tiny checkpoint and its voices."""
    return write_tiny_step_audio2(tmp_path_factory.mktemp("step"))


@asynccontextmanager
async def answering(checkpoint, *script):
    """(the official client, the language model's server)."""
    async with speaking_server(checkpoint, *script) as (port, llm, _):
        url = f"http://127.0.0.1:{port}/v1"
        async with openai.AsyncOpenAI(base_url=url, api_key="any", max_retries=0) as client:
            yield client, llm


def joined(chunks) -> tuple[str, bytes]:
    """(transcript, PCM) of a streamed answer."""
    deltas = [chunk.choices[0].delta.audio for chunk in chunks if chunk.choices and chunk.choices[0].delta.audio]
    deltas = [delta.model_dump(exclude_none=True) for delta in deltas]
    sound = b"".join(base64.b64decode(delta.get("data", "")) for delta in deltas)
    return "".join(delta.get("transcript", "") for delta in deltas), sound


def tone(seconds: float) -> bytes:
    """PCM at 16 kHz."""
    times = np.arange(int(seconds * 16_000)) / 16_000
    return (8000 * np.sin(2 * np.pi * 220 * times)).astype("<i2").tobytes()


def recording(data: bytes, kind: str = "wav") -> dict:
    return {"type": "input_audio", "input_audio": {"data": base64.b64encode(data).decode(), "format": kind}}


@pytest.mark.parametrize("form", FORMS)
async def test_a_spoken_answer_is_one_answer(checkpoint, form):
    """Words and sound come from one request, whole as in OpenAI's types, with what it took counted by the server."""
    async with answering(checkpoint, *FORMS[form], USED) as (client, llm):
        answer = await asking(client, **SPOKEN)
    ChatCompletion.model_validate(answer.model_dump(exclude_unset=True), strict=True)
    message = answer.choices[0].message
    assert (message.content, message.audio.transcript) == (None, WORDS)
    assert base64.b64decode(message.audio.data) == sound_of(checkpoint)
    assert answer.choices[0].finish_reason == "stop"
    details = answer.usage.completion_tokens_details
    fillers = PADS.count("<audio_") if form == "raw" else 1
    assert details.audio_tokens == len(CODES) + fillers
    assert details.text_tokens == 250 - details.audio_tokens
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (40, 250)
    assert len(llm.requests) == 1


@pytest.mark.parametrize("form", FORMS)
async def test_streamed_it_is_the_same_bytes(checkpoint, form):
    """The pieces joined are the whole answer, word for word and sample for sample, each piece of whole samples."""
    async with answering(checkpoint, *FORMS[form], USED) as (client, _):
        whole = (await asking(client, **SPOKEN, seed=5)).choices[0].message.audio
        chunks = await asking(client, **STREAMED, seed=5, stream_options={"include_usage": True})
    for chunk in chunks:
        ChatCompletionChunk.model_validate(chunk.model_dump(exclude_unset=True), strict=True)
    assert joined(chunks) == (whole.transcript, base64.b64decode(whole.data))
    assert joined(chunks)[1] == sound_of(checkpoint, seed=5) != sound_of(checkpoint)
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert chunks[-1].usage.completion_tokens == 250


@pytest.mark.parametrize("form", FORMS)
async def test_the_first_sound_comes_before_the_model_has_finished(checkpoint, form):
    """Nobody waits for the end; a client that leaves closes the model's request."""
    rest = asyncio.Event()
    script = FORMS[form]
    async with answering(checkpoint, *script[:6], rest, *script[6:]) as (client, llm):
        chunks = await client.chat.completions.create(model="voicechat", messages=[HELLO], **STREAMED)
        async for chunk in chunks:
            if joined([chunk])[1]:
                break
        assert (llm.opened, llm.finished) == (1, 0)
        await chunks.close()
        await llm.all_closed()
        assert llm.broken_off == 1


async def test_every_format(checkpoint):
    """Decoded, the answer is as long as its codes say."""
    async with answering(checkpoint, *RAW) as (client, _):
        for name in ("wav", "mp3", "flac", "opus", "aac"):
            answer = await asking(client, modalities=["text", "audio"], audio={"voice": "bert", "format": name})
            data = base64.b64decode(answer.choices[0].message.audio.data)
            assert duration_s(data, name) == pytest.approx(len(CODES) / 25, abs=0.1), name


@pytest.mark.parametrize("form", CALLS)
@pytest.mark.parametrize("said", [0, 4])
async def test_tools_there_and_back(checkpoint, form, said):
    """A call is told apart however the server writes it, with or without speech before it; its result goes back."""
    async with answering(checkpoint, *FORMS[form][:said], *CALLS[form]) as (client, llm):
        called = (await asking(client, HELLO, tools=TOOLS, **SPOKEN)).choices[0]
        streamed = await asking(client, HELLO, tools=TOOLS, **STREAMED)
        call = called.message.tool_calls[0]
        assert (called.finish_reason, streamed[-1].choices[0].finish_reason) == ("tool_calls", "tool_calls")
        assert (call.function.name, call.function.arguments) == ("look", '{"at": "sky"}')
        assert (called.message.content, bool(called.message.audio)) == (None, bool(said))
        assert len([chunk for chunk in streamed if chunk.choices[0].delta.tool_calls]) == 1
        assert joined(streamed)[0] == "".join(text for text, _ in SPEECH[:said])
        result = {"role": "tool", "tool_call_id": call.id, "content": "grey"}
        llm.script = list(RAW)
        answer = (await asking(client, HELLO, called.message, result, tools=TOOLS, **SPOKEN)).choices[0].message
    assert answer.audio.transcript == WORDS
    made, told = llm.requests[-1][1]["messages"][1:3]
    assert made["tool_calls"][0]["function"] == {"name": "look", "arguments": '{"at": "sky"}'}
    assert "<tool_call>" not in made["content"]
    assert told == result


@pytest.mark.filterwarnings("ignore:Sending a large body directly:ResourceWarning")
async def test_the_model_hears_recordings(checkpoint):
    """What is said reaches the model as sound: 16 kHz, in parts of at most 25 s, before the words, from any format."""
    parts = [
        {"type": "text", "text": "What is this?"},
        recording(wav_bytes(tone(60), 16_000)),
        recording(encoded("mp3", tone(1.5), 24_000), "mp3"),
    ]
    async with answering(checkpoint, *RAW) as (client, llm):
        await asking(client, {"role": "user", "content": parts}, **SPOKEN)
    heard = llm.requests[0][1]["messages"][0]["content"]
    assert [part["type"] for part in heard] == ["input_audio"] * 4 + ["text"]
    lengths = []
    for part in heard[:4]:
        with wave.open(io.BytesIO(base64.b64decode(part["input_audio"]["data"]))) as reader:
            assert (reader.getframerate(), reader.getnchannels()) == (16_000, 1)
            lengths.append(reader.getnframes() / 16_000)
    assert lengths[:3] == [20, 20, 20]
    assert lengths[3] == pytest.approx(1, abs=0.1)


async def test_earlier_answers_are_remembered_as_they_were_said(checkpoint):
    """By its id the model gets its own words and codes again; who only reads gets the words."""
    async with answering(checkpoint, *RAW) as (client, llm):
        first = (await asking(client, **SPOKEN)).choices[0].message
        streamed = (await asking(client, **STREAMED))[0].choices[0].delta.audio.id
        for name in (first.audio.id, streamed):
            await asking(client, HELLO, {"role": "assistant", "audio": {"id": name}}, HELLO, **SPOKEN)
            remembered = llm.requests[-1][1]["messages"][1]
            assert remembered["content"].startswith("<tts_start>Good<audio_0><audio_1>")
            assert remembered["content"].endswith("<tts_end>")
        llm.script = [content("Indeed."), STOP]
        await asking(client, HELLO, {"role": "assistant", "audio": {"id": first.audio.id}}, HELLO, stream=True)
        assert llm.requests[-1][1]["messages"] == [HELLO, {"role": "assistant", "content": WORDS}, HELLO]
        with pytest.raises(openai.NotFoundError, match="audio_0") as raised:
            await asking(client, HELLO, {"role": "assistant", "audio": {"id": "audio_0"}}, HELLO, **SPOKEN)
        assert raised.value.param == "messages.1.audio.id"


async def test_a_character_speaks_for_itself(checkpoint):
    """The model named after a character has its prompt and its voice, remembers what others said, and keeps to its own
    lines."""
    script = [*RAW[:4], content("\nUser: I see." + codes(1, 2, 3, 4)), *RAW[4:]]
    in_annas = SPOKEN | {"audio": AUDIO}
    async with answering(checkpoint, *script) as (client, llm):
        answer = (await asking(client, model="character:nora", **in_annas)).choices[0].message
    assert answer.audio.transcript == "".join(text for text, _ in SPEECH[:4])
    said = sound_of(checkpoint, [*CODES[:32], 1, 2, 3, 4, *CODES[32:]])
    assert base64.b64decode(answer.audio.data) == said[: 2 * 960 * 32]
    assert answer.voicechat == {"character": "nora"}
    assert "You are Nora" in llm.requests[0][1]["messages"][0]["content"]


async def test_what_is_not_spoken_is_there_to_be_read(checkpoint):
    """An answer without sound has no audio; what stands beside the speech is the content."""
    async with answering(checkpoint, content("I would rather write."), STOP) as (client, llm):
        silent = (await asking(client, **SPOKEN)).choices[0].message
        assert (silent.content, silent.audio) == ("I would rather write.", None)
        chunks = await asking(client, **STREAMED)
        assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "I would rather write."
        llm.script = [STOP]
        nothing = (await asking(client, **SPOKEN)).choices[0].message
        assert (nothing.content, nothing.audio) == ("", None)
        llm.script = [*RAW[:4], content("<tts_end> (smiles)"), STOP]
        both = (await asking(client, **SPOKEN)).choices[0].message
    assert both.content == " (smiles)"
    assert both.audio.transcript == "".join(text for text, _ in SPEECH[:4])
    assert base64.b64decode(both.audio.data) == sound_of(checkpoint, CODES[:32])


async def test_how_to_write_reaches_the_model(checkpoint):
    """Settings are the request's, what it does not say is the model's own way, and speech is always asked for as the
    model takes it."""
    async with answering(checkpoint, *RAW) as (client, llm):
        await asking(client, **SPOKEN, temperature=0.1, max_completion_tokens=99, stop=["\n\n"], seed=4)
        await asking(client, model="other", **STREAMED)
    first, second = (asked for _, asked in llm.requests)
    assert (first["temperature"], first["top_p"], first["max_tokens"], first["seed"]) == (0.1, 0.9, 99, 4)
    assert (first["stop"], first["model"], second["model"]) == (["\n\n"], "step-audio-2-mini", "other")
    assert first["skip_special_tokens"] is False
    assert not {"modalities", "audio", "max_completion_tokens"} & set(first)


REFUSED = [
    ({"n": 2}, 400, "n"),
    ({"seed": 2**70}, 400, "seed"),
    ({"seed": True}, 400, "seed"),
    ({"audio": AUDIO | {"voice": "nobody"}}, 404, "audio.voice"),
    ({"audio": AUDIO | {"format": "midi"}}, 400, "audio.format"),
    ({"stream": True, "audio": AUDIO | {"format": "mp3"}}, 400, "audio.format"),
    ({"messages": []}, 400, "messages"),
    ({"messages": [{"role": "nobody", "content": ""}]}, 400, "messages.0.role"),
    ({"messages": [{"role": "user", "content": [recording(b"")]}]}, 400, "messages.0.content.0.input_audio.data"),
    ({"messages": [{"role": "user", "content": [recording(b"no sound")]}]}, 400, None),
    ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, 400, "messages.0.content.0"),
]


async def test_what_cannot_be_answered_is_refused(checkpoint):
    """In OpenAI's envelope, with the field that is to blame, and before the model is asked."""
    async with answering(checkpoint, *RAW) as (client, llm), httpx2.AsyncClient(timeout=30) as http:
        for change, status, param in REFUSED:
            body = {"model": "voicechat", "messages": [HELLO], **SPOKEN, **change}
            refused = await http.post(f"{client.base_url}chat/completions", json=body)
            error = refused.json()["error"]
            assert (refused.status_code, error["type"]) == (status, "invalid_request_error"), change
            assert error["message"]
            if param is not None:
                assert error["param"] == param
        assert not llm.requests
        assert (await asking(client, **SPOKEN)).choices[0].message.audio.transcript == WORDS


FAILURES = [((), 500, 503), ((), 429, 429), ((), 400, 400), ((content(codes(7000, 7001)), STOP), 200, 503)]
"""What the model writes, its server's status, and the status that is told."""


@pytest.mark.parametrize("asked", [SPOKEN, STREAMED])
async def test_a_server_that_fails_at_once_is_an_error(checkpoint, asked):
    """A failure before the first piece has a status of its own, streamed or not, and the next request is answered."""
    async with answering(checkpoint) as (client, llm):
        for script, status, told in FAILURES:
            llm.script, llm.status = list(script), status
            with pytest.raises(openai.APIStatusError) as raised:
                await asking(client, **asked)
            assert raised.value.status_code == told
            assert raised.value.body["message"]
            llm.script, llm.status = list(RAW), 200
            assert (await asking(client, **SPOKEN)).choices[0].message.audio.transcript == WORDS


@pytest.mark.parametrize("end", [(ABORT,), ()], ids=["broken off", "no end"])
async def test_a_server_that_fails_in_the_midst_ends_the_stream_with_an_error(checkpoint, end):
    """What had been said was sent; the error is an event, which the official client raises."""
    async with answering(checkpoint, *RAW[:8], *end) as (client, llm):
        chunks = []
        with pytest.raises(openai.APIError, match=r"failed"):
            async for chunk in await client.chat.completions.create(model="voicechat", messages=[HELLO], **STREAMED):
                chunks.append(chunk)
        assert WORDS.startswith(joined(chunks)[0])
        with pytest.raises(openai.InternalServerError):
            await asking(client, **SPOKEN)
        llm.script = list(RAW)
        assert (await asking(client, **SPOKEN)).choices[0].message.audio.transcript == WORDS
