"""One answer, as chunks and whole."""

from backend.engines.interfaces import Finish, Message, Speech, ToolCallPiece
from backend.protocols.chat_completion import Completion

ASKED = [Message(role="user", content="Hello.")]


def deltas(completion, *items, expires_at=None, usage=False):
    chunks = [chunk for item in items for chunk in completion.chunks(item)]
    chunks += completion.last_chunks(expires_at, usage=usage)
    assert all(chunk["id"] == chunks[0]["id"] for chunk in chunks)
    return [choice["delta"] for chunk in chunks for choice in chunk["choices"]], chunks[-1]


def test_text():
    """The role is said once, and every piece of text is a chunk."""
    found, last = deltas(Completion("m", ASKED), "Hi", ".", Finish("length"))
    assert found == [{"role": "assistant", "content": "Hi"}, {"content": "."}, {}]
    assert last["choices"][0]["finish_reason"] == "length"


def test_audio():
    """The id is said once, and the last piece of audio has only when it expires."""
    completion = Completion("m", ASKED, speaks=True, character="nora")
    found, _ = deltas(completion, "Hi", Speech(b"\1\0"), ".", expires_at=7)
    assert found == [
        {
            "role": "assistant",
            "voicechat": {"character": "nora"},
            "audio": {"id": completion.audio_id, "transcript": "Hi"},
        },
        {"audio": {"data": "AQA="}},
        {"audio": {"transcript": "."}},
        {"audio": {"expires_at": 7}},
        {},
    ]


def test_an_empty_answer_is_an_answer():
    """A language model may have nothing to say."""
    assert deltas(Completion("m", ASKED))[0] == [{"role": "assistant"}, {}]
    whole = Completion("m", ASKED).whole(b"", None)["choices"][0]
    assert (whole["message"]["content"], whole["finish_reason"]) == ("", "stop")
    assert Completion("m", ASKED, speaks=True).has_audio


def test_calls():
    """Pieces of a call are one call; a call ends the answer whatever the server says, unless it was cut short."""
    pieces = [ToolCallPiece(0, '{"a"', "c1", "look"), ToolCallPiece(1, "{}", "", "go"), ToolCallPiece(0, ":1}")]
    for finish, reason in ((Finish("stop"), "tool_calls"), (Finish("length"), "length")):
        completion = Completion("m", ASKED, speaks=True)
        for item in (*pieces, finish):
            completion.add(item)
        assert not completion.has_audio
        choice = completion.whole(b"", None)["choices"][0]
        calls = choice["message"]["tool_calls"]
        assert [call["function"] for call in calls] == [
            {"name": "look", "arguments": '{"a":1}'},
            {"name": "go", "arguments": "{}"},
        ]
        assert calls[0]["id"] == "c1"
        assert calls[1]["id"].startswith("call_")
        assert choice["message"]["content"] is None
        assert choice["finish_reason"] == reason


def test_usage():
    """The language model's own count goes before the estimate of four characters a token; audio comes on top."""
    completion = Completion("m", ASKED, speaks=True)
    completion.add("Hello there.")
    completion.audio_s = 1.01
    assert completion.usage() == {
        "prompt_tokens": 2,
        "completion_tokens": 3 + 26,
        "total_tokens": 31,
        "completion_tokens_details": {"text_tokens": 3, "audio_tokens": 26},
    }
    completion.add(Finish("stop", 100, 50))
    assert completion.usage()["total_tokens"] == 176
    _, last = deltas(completion, usage=True)
    assert (last["choices"], last["usage"]) == ([], completion.usage())
