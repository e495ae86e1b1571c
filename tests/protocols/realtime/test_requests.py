"""Client events as they arrive: what is one, and what is said of what is none."""

from __future__ import annotations

import json

import pytest
from openai.types.realtime import InputAudioBufferAppendEvent, ResponseCancelEvent

from backend.errors import InvalidRequest
from backend.protocols.realtime.requests import (
    ItemCreate,
    ResponseCreate,
    SessionUpdate,
    event_id,
    read_object,
    read_request,
)

HELLO = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hello."}]}


@pytest.mark.parametrize("message", ['{"type": "x", "n": 1.5}', b'{"type": "x", "n": 1.5}', '{"type":"x","n":15e-1}'])
def test_an_object_is_read(message):
    """From text and from bytes alike."""
    assert read_object(message) == {"type": "x", "n": 1.5}


def test_every_character_is_read():
    """Escaped or not, also those that take two escapes."""
    assert read_object('{"a": "\\u00e9 \\ud83d\\ude00"}') == read_object('{"a": "é 😀"}') == {"a": "é 😀"}


@pytest.mark.parametrize(
    "message",
    [
        "",
        "{",
        "[1]",
        "null",
        '"text"',
        b"\xff\xfe",
        b'{"a": "\xed\xa0\x80"}',
        '{"a": NaN}',
        '{"a": -Infinity}',
        '{"a": 1e400}',
        '{"a": ' + "9" * 5000 + "}",
        '{"a": "\\ud800"}',
        '{"\\udc00": 1}',
        "[" * 100_000,
    ],
)
def test_what_is_no_object_of_json_is_refused(message):
    """Also numbers and half characters that no other program could read back."""
    with pytest.raises(InvalidRequest):
        read_object(message)


@pytest.mark.parametrize(("given", "named"), [("mine", "mine"), (7, None), (None, None), ("x" * 513, None)])
def test_an_event_id_is_a_name(given, named):
    """Anything else is not repeated to the client."""
    assert event_id({"event_id": given}) == named


def test_events_become_requests():
    """Each has its own type, whose fields are checked."""
    assert isinstance(read_request({"type": "session.update", "session": {"type": "realtime"}}), SessionUpdate)
    assert isinstance(read_request({"type": "input_audio_buffer.append", "audio": "AA=="}), InputAudioBufferAppendEvent)
    assert isinstance(read_request({"type": "response.cancel"}), ResponseCancelEvent)
    create = read_request({"type": "conversation.item.create", "item": HELLO, "previous_item_id": "root"})
    assert isinstance(create, ItemCreate)
    assert create.after == "root"


@pytest.mark.parametrize("event", [{}, {"response": None}, {"response": {}}, {"response": {"input": None}}])
def test_a_response_without_wishes_goes_by_the_conversation(event):
    """Nothing given is nothing asked for."""
    request = read_request({"type": "response.create", **event})
    assert isinstance(request, ResponseCreate)
    assert request.input is None


def test_a_response_goes_by_items_and_references():
    """Items are read; references are the ids of what is there already; nothing at all is not the same as no wish."""
    wish = {"input": [HELLO, {"type": "item_reference", "id": "item_1"}], "instructions": "Be brief."}
    request = read_request({"type": "response.create", "response": wish})
    assert isinstance(request, ResponseCreate)
    item, reference = request.input
    assert (item.type, reference, request.wish.instructions) == ("message", "item_1", "Be brief.")
    assert read_request({"type": "response.create", "response": {"input": []}}).input == ()


@pytest.mark.parametrize(
    ("event", "param"),
    [
        ({}, "type"),
        ({"type": None}, "type"),
        ({"type": ["session.update"]}, "type"),
        ({"type": "session.created"}, "type"),
        ({"type": "session.update"}, "session"),
        ({"type": "session.update", "session": []}, "session"),
        ({"type": "session.update", "session": {}}, "session.type"),
        ({"type": "session.update", "session": {"type": ["realtime"]}}, "session.type"),
        ({"type": "session.update", "session": {"type": "realtime", "instructions": 7}}, "session.instructions"),
        ({"type": "input_audio_buffer.append"}, "audio"),
        ({"type": "input_audio_buffer.append", "audio": 7}, "audio"),
        ({"type": "conversation.item.create"}, "item"),
        ({"type": "conversation.item.create", "item": HELLO, "previous_item_id": 7}, "previous_item_id"),
        ({"type": "conversation.item.delete"}, "item_id"),
        ({"type": "conversation.item.truncate", "item_id": "x", "content_index": 0}, "audio_end_ms"),
        ({"type": "response.create", "response": []}, "response"),
        ({"type": "response.create", "response": {"input": {}}}, "response.input"),
        ({"type": "response.create", "response": {"input": [HELLO, 7]}}, "response.input[1]"),
        ({"type": "response.create", "response": {"input": [{"type": "item_reference"}]}}, "response.input[0].type"),
        ({"type": "response.create", "response": {"metadata": {"a": 1}}}, "response.metadata.a"),
    ],
)
def test_the_field_that_is_to_blame_is_named(event, param):
    """The error says where; whatever it is, it is an `InvalidRequest`."""
    with pytest.raises(InvalidRequest) as caught:
        read_request(json.loads(json.dumps(event)))
    assert caught.value.param == param
    assert str(caught.value)
