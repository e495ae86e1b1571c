"""What streamed chat completions say, whoever's server sends them."""

import pytest

from backend.engines.chat_chunks import ChunkReader
from backend.engines.interfaces import Finish, ToolCallPiece


def read(*chunks):
    reader = ChunkReader()
    return [piece for chunk in chunks for piece in reader.read(chunk)], reader.finish


def delta(**fields):
    return {"choices": [{"delta": fields}]}


def test_text_is_passed_on_and_nothing_else():
    """Roles, empty deltas and the thoughts of reasoning models are not spoken."""
    chunks = (
        delta(role="assistant", content=""),
        delta(content="Hi"),
        delta(reasoning_content="hm"),
        delta(content="."),
    )
    assert read(*chunks, {"choices": []}, {}) == (["Hi", "."], None)


def test_calls_come_in_pieces():
    """The first piece names the function; arguments may be split anywhere, and calls may be mixed."""
    first = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "look", "arguments": ""}}
    more = {"index": 0, "function": {"arguments": '{"at":'}}
    other = {"index": 1, "id": "call_2", "function": {"name": "go", "arguments": "{}"}}
    pieces, _ = read(delta(tool_calls=[first]), delta(content=None, tool_calls=[more, other]))
    assert pieces == [
        ToolCallPiece(0, "", "call_1", "look"),
        ToolCallPiece(0, '{"at":'),
        ToolCallPiece(1, "{}", "call_2", "go"),
    ]


def test_the_end_and_the_count_come_in_any_order():
    """Most servers count in a chunk after the last; some put the count into it."""
    end = {"choices": [{"delta": {}, "finish_reason": "length"}]}
    count = {"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}}
    expected = Finish("length", 7, 3)
    assert (
        read(end, count)[1] == read(count, end)[1] == read({**end, **count, "choices": end["choices"]})[1] == expected
    )


def test_an_unknown_end_is_an_end():
    """Servers invent reasons."""
    assert read({"choices": [{"delta": {}, "finish_reason": "eos"}]})[1] == Finish("stop")


@pytest.mark.parametrize("chunk", [None, "no", 3, [], {"choices": 5}, {"choices": ["x"]}, {"usage": {"total": 1}}])
def test_what_is_no_chunk_is_said_to_be_none(chunk):
    """A broken server is that server's failure, not a bug of ours."""
    with pytest.raises(ValueError, match="no chat completion"):
        read(chunk)
