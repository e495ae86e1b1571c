"""Items and the lines they stand for, both ways."""

from __future__ import annotations

import pytest
from openai.types.realtime import ConversationItem
from pydantic import TypeAdapter

from backend.errors import InvalidRequest
from backend.events import Outcome
from backend.heard import SpeechRate, SpokenReply
from backend.lines import CallLine, NoteLine, PersonLine, ReplyLine, ResultLine
from backend.protocols.realtime.items import MAX_TEXT, Given, item_of, read_item
from backend.protocols.realtime.requests import ItemCreate, read_request
from tests.protocols.realtime.client import ENCODED, MARA, sound, strangers

SPOKEN = SpokenReply(24_000, SpeechRate())
ITEM = TypeAdapter(ConversationItem)


def given(**item) -> Given:
    """What a client's item comes to."""
    request = read_request({"type": "conversation.item.create", "item": item})
    assert isinstance(request, ItemCreate)
    return read_item(request.item, MARA)


def message(role: str, *content: dict, **fields) -> dict:
    return {"type": "message", "role": role, "content": list(content), **fields}


LINES = [
    PersonLine("Hello.", id="i"),
    NoteLine("Be brief.", "i"),
    ReplyLine(MARA, "i", "Good evening.", "Good evening.", Outcome.COMPLETED),
    CallLine(MARA, "call_1", "look", '{"at": "sea"}', "i"),
    ResultLine("call_1", "a ship", "i"),
]


@pytest.mark.parametrize("line", LINES, ids=lambda line: type(line).__name__)
def test_what_a_client_puts_in_comes_back_as_it_was(line):
    """Every kind of line survives the way out and in again."""
    assert given(**item_of(line)).line == line


@pytest.mark.parametrize(
    ("line", "content"),
    [
        (PersonLine("Hi.", spoken=True), [{"type": "input_audio", "transcript": "Hi."}]),
        (ReplyLine(MARA, "i", "So. No.", "So.", Outcome.INTERRUPTED, SPOKEN), [("output_audio", "So.")]),
        (ReplyLine(MARA, "i", "So. No.", "", None, SPOKEN), [("output_audio", "So. No.")]),
        (ReplyLine(MARA, "i", "So. No.", "So.", Outcome.FAILED), [("output_text", "So.")]),
        (ReplyLine(MARA, "i"), []),
    ],
)
def test_items_hold_what_is_remembered(line, content):
    """What was said aloud has a transcript; a reply that was cut ends where it was heard, and is incomplete."""
    item = item_of(line)
    kinds = {"output_audio": "transcript", "output_text": "text"}
    assert item["content"] == [{"type": c[0], kinds[c[0]]: c[1]} if isinstance(c, tuple) else c for c in content]
    outcome = getattr(line, "outcome", Outcome.COMPLETED)
    assert item["status"] == {None: "in_progress", Outcome.COMPLETED: "completed"}.get(outcome, "incomplete")
    assert not strangers(ITEM.validate_python(item))


def test_sound_is_kept_to_be_understood():
    """Audio without a transcript is still to be recognised; with one it is known what was said."""
    audio = {"type": "input_audio", "audio": ENCODED}
    text = {"type": "input_text", "text": "Listen:"}
    assert given(**message("user", text, audio, audio)).sound == sound(100) * 2
    known = given(**message("user", {**audio, "transcript": "Hello."}))
    assert (known.sound, known.line.text) == (b"", "Hello.")


def test_what_an_assistant_said_was_heard():
    """A client that restores a conversation is believed."""
    for part in ({"type": "output_text", "text": "So."}, {"type": "output_audio", "transcript": "So."}):
        line = given(**message("assistant", part)).line
        assert isinstance(line, ReplyLine)
        assert (line.remembered, line.cut_off, line.character) == ("So.", False, MARA)


def test_ids_are_given_where_there_are_none():
    """Nothing has the same name twice."""
    text = {"type": "input_text", "text": "Hi."}
    assert given(**message("user", text)).line.id != given(**message("user", text)).line.id
    assert given(**message("user", text, id="mine")).line.id == "mine"


def test_a_result_may_be_empty():
    """A function that returns nothing has been called all the same."""
    assert given(type="function_call_output", call_id="c", output="").line.output == ""


@pytest.mark.parametrize(
    ("item", "param"),
    [
        (message("user"), "item.content"),
        (message("user", {"type": "input_text", "text": ""}), "item.content"),
        (message("user", {"type": "input_text", "text": "x" * (MAX_TEXT + 1)}), "item.content"),
        (message("user", {"type": "input_image", "image_url": "data:image/png;base64,AA=="}), "item.content"),
        (message("user", {"type": "input_audio", "audio": "?"}), "item.content"),
        (message("system"), "item.content"),
        (message("assistant", {"type": "output_audio", "audio": ENCODED}), "item.content"),
        (message("user", {"type": "input_text", "text": "x"}, id=""), "item.id"),
        (message("user", {"type": "input_text", "text": "x"}, id="x" * 65), "item.id"),
        (message("tool", {"type": "input_text", "text": "x"}), "item.role"),
        (message("user", {"type": "nonsense"}), "item.content.0.type"),
        ({"type": "mcp_call", "id": "m"}, "item.type"),
        ({"type": ["message"]}, "item.type"),
        ({}, "item.type"),
        ({"type": "function_call", "name": "look"}, "item.arguments"),
        ({"type": "function_call_output", "output": "x"}, "item.call_id"),
    ],
)
def test_what_has_no_place_in_a_conversation_is_refused(item, param):
    """The error names the field that is to blame."""
    with pytest.raises(InvalidRequest) as caught:
        given(**item)
    assert caught.value.param == param
