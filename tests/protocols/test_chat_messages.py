"""What is in the messages of a chat completion."""

import base64

import pytest

from backend.errors import InvalidRequest, NotFound
from backend.protocols.chat_messages import lines, recordings, with_texts, with_transcripts, without_own_fields
from backend.spoken_answers import SpokenAnswer

AUDIO = {"type": "input_audio", "input_audio": {"data": base64.b64encode(b"sound").decode(), "format": "wav"}}
TEXT = {"type": "text", "text": "Listen:"}
USER = {"role": "user", "content": [TEXT, AUDIO], "name": "Ann"}
PLAIN = {"role": "system", "content": "Be brief."}


def test_recordings_become_text_where_they_are():
    """Nothing else of the messages changes, and what the client sent is left alone."""
    assert recordings([PLAIN, USER]) == {(1, 1): b"sound"}
    found = with_texts([PLAIN, USER], {(1, 1): "hello"})
    assert found == [PLAIN, {**USER, "content": [TEXT, {"type": "text", "text": "hello"}]}]
    assert USER["content"] == [TEXT, AUDIO]


def test_earlier_answers_become_text():
    """An answer's words stand beside its id; who said them is known again. No other server is told of either."""
    answers = {"a": SpokenAnswer("Aye.", 1, "mara"), "b": SpokenAnswer("Hi.", 1)}
    messages = [{"role": "assistant", "content": None, "audio": {"id": name}} for name in "ab"]
    resolved = with_transcripts([PLAIN, *messages], answers.get)
    assert resolved[1:] == [
        {"role": "assistant", "content": "Aye.", "audio": {"id": "a"}, "voicechat": {"character": "mara"}},
        {"role": "assistant", "content": "Hi.", "audio": {"id": "b"}},
    ]
    said = [{"role": "assistant", "content": words} for words in ("Aye.", "Hi.")]
    assert without_own_fields(resolved) == [PLAIN, *said]
    assert [line.character for line in lines(resolved)] == [None, "mara", None]
    unused = {"role": "assistant", "content": "x", "audio": None}
    assert with_transcripts([unused], answers.get) == [unused]
    with pytest.raises(NotFound, match="'c'") as caught:
        with_transcripts([{"role": "assistant", "audio": {"id": "c"}}], answers.get)
    assert caught.value.param == "messages.0.audio.id"


def test_lines():
    """Language models here take one text a message; developers are the system, and parts are joined."""
    call = {"id": "1", "type": "function", "function": {"name": "go", "arguments": "{}"}}
    found = lines(
        [
            {"role": "developer", "content": [TEXT, {"type": "text", "text": "well"}]},
            {"role": "assistant", "content": None, "refusal": None, "tool_calls": [call]},
            {"role": "tool", "content": "done", "tool_call_id": "1"},
            {"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}], "tool_calls": None},
        ]
    )
    assert [line.message for line in found] == [
        {"role": "system", "content": "Listen:\nwell"},
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "content": "done", "tool_call_id": "1"},
        {"role": "assistant", "content": "No."},
    ]


@pytest.mark.parametrize(
    ("message", "param"),
    [
        ({"role": ["user"]}, "messages.0.role"),
        ({"role": "user", "content": {}}, "messages.0.content"),
        ({"role": "user", "content": [TEXT, {"type": "image_url"}]}, "messages.0.content.1"),
        ({"role": "assistant", "tool_calls": [3]}, "messages.0.tool_calls"),
    ],
)
def test_what_is_not_understood_is_named(message, param):
    """Nothing is left out silently."""
    with pytest.raises(InvalidRequest) as caught:
        lines([message])
    assert caught.value.param == param
