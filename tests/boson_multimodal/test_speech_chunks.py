"""Chunks as servers send them, and as they should not."""

from __future__ import annotations

import pytest

from boson_multimodal.parser import AudioTokenParser
from boson_multimodal.speech_chunks import ChunkReader, LLMFinish, ToolCallPiece
from tests.boson_multimodal.step_server import STOP, codes, content, delta, spoken


def read(*chunks: dict, speech: bool = True, tools: bool = False) -> list:
    """All that the chunks of an answer say."""
    reader = ChunkReader(AudioTokenParser(in_speech=speech), tools=tools)
    return [*(event for chunk in chunks for event in reader.read(chunk)), *reader.finish()]


def call(arguments: str, **more: object) -> dict:
    """A chunk with a piece of a tool call."""
    return delta(tool_calls=[{"index": 0, "function": {"arguments": arguments, **more}}])


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        (['{"a": ', '{"b": 1}}'], '{"a": {"b": 1}}'),
        (['{"a": {"b"', ": 1}}", '{"a": {"b": 1}}'], '{"a": {"b": 1}}'),
        (['{"a":', '{"a":1}}'], '{"a":{"a":1}}'),
    ],
)
def test_arguments_are_joined_and_what_is_repeated_is_left_out(pieces, expected):
    """Servers that end with the whole of it double nothing, and an object that begins like the one around it is no
    repetition."""
    events = read(call(pieces[0], name="f"), *map(call, pieces[1:]), STOP)
    arguments = "".join(event.arguments for event in events if isinstance(event, ToolCallPiece))
    assert arguments == expected


def test_speech_that_begins_again_is_kept_as_it_was_written():
    """An answer that is read again by the model has a start for every end."""
    finish = read(spoken("A", codes(1)), content("B"), spoken("C", codes(2)), STOP)[-1]
    assert isinstance(finish, LLMFinish)
    assert finish.raw == "A<audio_1><tts_end>B<tts_start>C<audio_2>"


@pytest.mark.parametrize("usage", [[1, 2], "many", None])
def test_usage_of_another_kind_is_none(usage):
    """What is only counted never breaks an answer."""
    finish = read(content(f"Hi{codes(1)}"), {"choices": [], "usage": usage}, STOP)[-1]
    assert finish.usage.prompt_tokens is None
    assert finish.codes == 1


WRITTEN_CALL = '<tool_call>function\nlook\n{"at": "sky"}</tool_call>'


@pytest.mark.parametrize("cut", range(1, len(WRITTEN_CALL), 7))
@pytest.mark.parametrize("before", ["", f"Hm{codes(1)}<tts_end>"])
def test_calls_in_the_text_are_told_apart_where_there_are_functions(cut, before):
    """A server that knows nothing of calls passes them on as text; who offered functions is told of the call, and that
    the answer ended with one."""
    script = (content(before + WRITTEN_CALL[:cut]), content(WRITTEN_CALL[cut:] + "<|EOT|>"), STOP)
    events = read(*script, tools=True)
    [call] = [event for event in events if isinstance(event, ToolCallPiece)]
    assert (call.index, call.name, call.arguments) == (0, "look", '{"at": "sky"}')
    assert call.id
    assert events[-1].reason == "tool_calls"
    assert "tool_call" not in str([event for event in events[:-1] if event is not call])
    assert WRITTEN_CALL in events[-1].raw
    plain = read(*script)
    assert "".join(event.value for event in plain[:-1] if event.kind in ("text", "other")).endswith(WRITTEN_CALL)
    assert plain[-1].reason == "stop"


def test_what_may_become_a_call_keeps_its_place():
    """Words held back come before the codes after them, and as what they were."""
    events = read(content(f"a<tool{codes(1)}b<tts_end><"), STOP, tools=True)
    told = [(event.kind, event.value) for event in events[:-1]]
    assert told == [
        ("text", "a"),
        ("text", "<tool"),
        ("audio", [1]),
        ("text", "b"),
        ("speech_end", None),
        ("other", "<"),
    ]
