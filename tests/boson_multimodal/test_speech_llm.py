"""The language model of Step-Audio 2 behind a scripted server: both forms of answers, refusals, failures, closing."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest

from boson_multimodal.parser import ParserEvent
from boson_multimodal.speech_chunks import LLMFinish, ToolCallPiece, Usage
from boson_multimodal.speech_llm import SpeechLLM, SpeechLLMError
from boson_multimodal.speech_prompts import chat_messages
from tests.boson_multimodal.step_server import ABORT, STOP, codes, content, delta, serve_step, spoken, usage

ASKED = chat_messages([{"role": "user", "content": "Hi"}], speech=True)


async def answered(server, *, speech: bool = True, options: dict | None = None, **settings) -> list:
    """All events of one answer."""
    async with SpeechLLM(server.base_url, retries=0, **settings) as llm:
        return [event async for event in llm.stream(ASKED, speech=speech, options=options)]


def call(index: int, arguments: str | None, **named: str) -> dict:
    function = {"arguments": arguments, **({"name": named["name"]} if "name" in named else {})}
    return {"index": index, "function": function, **({"id": named["id"]} if "id" in named else {})}


async def test_raw_text_is_told_apart():
    """Without an audio parser on the server the codes stand in the text, cut anywhere."""
    script = [
        delta(role="assistant", content=""),
        content("Hel" + codes(1, 2) + "<aud"),
        content("io_3>lo<tts_pad>" + codes(6561, 7000)),
        content("<tts_end>Bye<|EOT|>"),
        STOP,
        usage(10, 12),
    ]
    async with serve_step(*script) as server:
        events = await answered(server)
    assert events == [
        ParserEvent("text", "Hel"),
        ParserEvent("audio", [1, 2]),
        ParserEvent("audio", [3]),
        ParserEvent("text", "lo"),
        ParserEvent("speech_end"),
        ParserEvent("other", "Bye"),
        LLMFinish(
            "stop",
            Usage(10, 12, audio_tokens=4),
            "Hel<audio_1><audio_2><audio_3>lo<tts_pad><audio_6561><audio_7000><tts_end>Bye<|EOT|>",
            codes=3,
            invalid=1,
        ),
    ]
    assert events[-1].usage.text_tokens == 8


async def test_structured_deltas_are_read():
    """With an audio parser the words, the codes and the rest come in fields; what is null is nothing."""
    script = [
        delta(role="assistant", content=None, tts_content=None, tool_calls=None),
        spoken("Hel", None),
        spoken(None, codes(1, 2)),
        spoken("lo", codes(3)),
        content("Bye"),
        delta("stop", content=None),
    ]
    async with serve_step(*script) as server:
        events = await answered(server)
    finish = events.pop()
    assert events == [
        ParserEvent("text", "Hel"),
        ParserEvent("audio", [1, 2]),
        ParserEvent("text", "lo"),
        ParserEvent("audio", [3]),
        ParserEvent("speech_end"),
        ParserEvent("other", "Bye"),
    ]
    assert finish.raw == "Hel<audio_1><audio_2>lo<audio_3><tts_end>Bye"
    assert finish.usage == Usage(None, None, audio_tokens=3)
    assert finish.usage.text_tokens is None


async def test_text_of_a_server_that_tells_apart_is_never_speech():
    """A turn without speech on such a server is words to read, though its prompt began a speech."""
    async with serve_step(spoken("", ""), content("See below."), STOP) as server:
        events = await answered(server)
    assert ParserEvent("other", "See below.") in events


async def test_tool_calls_come_in_pieces():
    """Pieces add up to the calls; a server that repeats what it has sent is understood as well."""
    script = [
        delta(tool_calls=[call(0, "", id="a", name="weather"), call(1, '{"x"', id="b", name="time")]),
        delta(tool_calls=[call(0, '{"city": '), call(1, ": 1}")]),
        delta(tool_calls=[call(0, '{"city": "Oslo"}', id="a", name="weather")]),
        delta(tool_calls=[call(0, '{"city": "Oslo"}', id="a", name="weather")]),
        delta("tool_calls"),
    ]
    async with serve_step(*script) as server:
        *pieces, finish = await answered(server)
    assert pieces == [
        ToolCallPiece(0, "", "a", "weather"),
        ToolCallPiece(1, '{"x"', "b", "time"),
        ToolCallPiece(0, '{"city": '),
        ToolCallPiece(1, ": 1}"),
        ToolCallPiece(0, '"Oslo"}'),
    ]
    assert finish.reason == "tool_calls"


async def test_the_request_is_what_such_servers_need():
    """Tags are asked for, the answer goes on where the prompt ends, and the caller's options stand beside that."""
    options = {
        "max_completion_tokens": 9,
        "seed": 7,
        "top_p": None,
        "temperature": 0,
        "tools": [1],
        "messages": [],
        "skip_special_tokens": True,
        "audio": {"voice": "x"},
    }
    async with serve_step(STOP) as server:
        await answered(server, options=options, model="m")
        await answered(server, speech=False)
    (path, body), (_, written) = server.requests
    assert path == "/v1/chat/completions"
    assert body == {
        "model": "m",
        "messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "<tts_start>"}],
        "continue_final_message": True,
        "add_generation_prompt": False,
        "skip_special_tokens": False,
        "spaces_between_special_tokens": False,
        "temperature": 0,
        "repetition_penalty": 1.05,
        "frequency_penalty": 0,
        "parallel_tool_calls": False,
        "max_tokens": 9,
        "seed": 7,
        "tools": [1],
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    assert (written["continue_final_message"], written["add_generation_prompt"]) == (False, True)
    assert (written["temperature"], written["top_p"], written["max_tokens"]) == (0.7, 0.9, 4096)


async def test_a_server_with_another_template_is_sent_the_prompt():
    """`/v1/completions` takes the prompt as it is and answers in `text`."""
    chunk = {"choices": [{"index": 0, "text": "Hi" + codes(5), "finish_reason": "stop"}]}
    async with serve_step(chunk) as server:
        *events, _ = await answered(server, api="completions")
    assert events == [ParserEvent("text", "Hi"), ParserEvent("audio", [5])]
    ((path, body),) = server.requests
    assert path == "/v1/completions"
    assert body["prompt"] == "<|BOT|>human\nHi<|EOT|><|BOT|>assistant\n<tts_start>"
    assert not {"messages", "continue_final_message", "add_generation_prompt", "parallel_tool_calls"} & set(body)


async def test_a_field_the_server_does_not_know_is_left_out():
    """The field about spaces is dropped after one refusal, and not tried again."""
    async with (
        serve_step(content(codes(1)), STOP, refuses=("spaces_between_special_tokens",)) as server,
        SpeechLLM(server.base_url, retries=0) as llm,
    ):
        for _ in range(2):
            events = [event async for event in llm.stream(ASKED, speech=True)]
            assert events[0] == ParserEvent("audio", [1])
    assert ["spaces_between_special_tokens" in body for _, body in server.requests] == [True, False, False]


async def test_a_refusal_is_repeated_once_at_most():
    """A request that is wrong otherwise is not sent over and over."""
    async with serve_step(refuses=("messages",)) as server:
        with pytest.raises(SpeechLLMError) as caught:
            await answered(server)
    assert caught.value.status == 400
    assert len(server.requests) == 2


async def test_a_refusal_about_something_else_is_not_repeated():
    """What the server says of the request reaches the caller."""
    async with serve_step(refuses=("messages",), refusal="the prompt is too long") as server:
        with pytest.raises(SpeechLLMError, match="too long"):
            await answered(server)
    assert len(server.requests) == 1


async def test_a_failing_server():
    """The server's status and message are in the error."""
    async with serve_step(status=500) as server:
        with pytest.raises(SpeechLLMError, match="answered 500: scripted failure") as caught:
            await answered(server)
    assert caught.value.status == 500


async def test_no_server():
    """A server that is not there is named."""
    async with serve_step() as server:
        pass
    with pytest.raises(SpeechLLMError, match=str(server.port)):
        await answered(server)


async def test_a_silent_server():
    """A server that stops sending does not hold the caller for ever."""
    async with serve_step(content("Hi"), asyncio.Event()) as server:
        with pytest.raises(SpeechLLMError, match="in time"):
            await answered(server, timeout_s=0.1)


@pytest.mark.parametrize(
    "script",
    [
        [content("Hi"), ABORT],
        [content("Hi")],
        [content("Hi"), {"error": {"message": "out of memory"}}],
        [{"choices": [[]]}],
        [content("Hi"), {"choices": 5}],
    ],
    ids=["connection lost", "no end", "an error in the stream", "no chunk", "no choices"],
)
async def test_a_broken_answer(script):
    """An answer that breaks off is an error, not a short answer."""
    async with serve_step(*script) as server:
        with pytest.raises(SpeechLLMError):
            await answered(server)


async def test_codes_of_another_model():
    """A tokenizer that does not fit is noticed at the first answer that has no sound for it."""
    async with serve_step(content("Hi" + codes(6562, 9000)), STOP) as server:
        with pytest.raises(SpeechLLMError, match="all 2 speech codes"):
            await answered(server)


async def test_closing_ends_the_request():
    """The server learns that it can stop."""
    never = asyncio.Event()
    async with serve_step(content("Hi"), never, STOP) as server, SpeechLLM(server.base_url, retries=0) as llm:
        async with aclosing(llm.stream(ASKED, speech=True)) as stream:
            async for event in stream:
                assert event == ParserEvent("text", "Hi")
                break
        await server.all_closed()
        assert (server.opened, server.finished, server.broken_off) == (1, 0, 1)
