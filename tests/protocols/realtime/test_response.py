"""One response: its items, what they hold at the end, how it ended, and what it took."""

from __future__ import annotations

import base64

import pytest

from backend import events
from backend.events import Outcome
from backend.lines import CallLine
from backend.protocols.realtime.connection import Terms
from backend.protocols.realtime.response import Response
from tests.protocols.realtime.client import MARA, checked, done, sound, voiced, written

OUTPUT = {"format": {"type": "audio/pcm", "rate": 24000}, "voice": "one"}
CALL = CallLine(MARA, "call_1", "look", '{"at": "sea"}', "fc_1")
CALLING = [events.CallText(1, 0, 0, "fc_1", "call_1", "look", delta) for delta in ("", '{"at": ', '"sea"}')]


def terms(aloud: bool = True, conversation: str | None = "conv_1", **given) -> Terms:
    return Terms(aloud, OUTPUT, given.get("limit", "inf"), given.get("metadata"), conversation)


def respond(wanted: Terms, happened, previous: str | None = "item_1", cut_by_client: bool = False) -> list[dict]:
    """All that is told of a response to which this happens."""
    started, *rest = happened
    response = Response(started, wanted, previous)
    response.cut_by_client = cut_by_client
    told = [checked(wire) for wire in response.begin()]
    for event in rest:
        told += [checked(wire) for wire in response.tell(event)]
    return told


def types(told: list[dict]) -> list[str]:
    return [wire["type"] for wire in told]


def last(told: list[dict]) -> dict:
    """The response as it is at its end."""
    assert types(told)[-1] == "response.done"
    assert types(told).count("response.done") == 1
    return told[-1]["response"]


def test_a_spoken_response_holds_what_was_said():
    """Text and sound arrive whole, in pieces, and the item says all of it at the end."""
    told = respond(terms(), [*written("Good evening."), *voiced(ms=200), done()])
    text = "".join(wire["delta"] for wire in told if wire["type"].endswith("transcript.delta"))
    pcm = b"".join(base64.b64decode(wire["delta"]) for wire in told if wire["type"].endswith("output_audio.delta"))
    assert (text, pcm) == ("Good evening. ", sound(100) * 2)
    (item,) = last(told)["output"]
    assert item["content"] == [{"type": "output_audio", "transcript": text}]
    assert item["status"] == last(told)["status"] == "completed"
    assert [wire["transcript"] for wire in told if wire["type"].endswith("transcript.done")] == [text]


def test_a_response_is_done_when_all_of_it_was_sent():
    """Clients may ask for the next one while they still play this one."""
    assert types(respond(terms(), [*written(), *voiced()]))[-1] == "response.done"
    assert types(respond(terms(aloud=False), written()))[-1] == "response.done"


def test_a_written_response_has_no_sound():
    """Its parts are text, in the order that text has."""
    told = respond(terms(aloud=False), [*written("Good evening."), done()])
    assert types(told) == [
        "response.created",
        "rate_limits.updated",
        "response.output_item.added",
        "conversation.item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "conversation.item.done",
        "response.done",
    ]
    assert last(told)["output_modalities"] == ["text"]
    assert last(told)["output"][0]["content"] == [{"type": "output_text", "text": "Good evening. "}]


def test_a_call_is_an_item_of_its_own():
    """Its arguments come in pieces, then whole, then as an item that follows the message."""
    start, *text, end = written(reason="tool_calls")
    told = respond(terms(), [start, *text, *CALLING, events.CallDone(1, 0, 0, CALL), end, *voiced(), done()])
    message, call = last(told)["output"]
    assert (message["type"], call["type"], call["arguments"]) == ("message", "function_call", CALL.arguments)
    assert "".join(wire["delta"] for wire in told if wire["type"].endswith("arguments.delta")) == CALL.arguments
    (arguments,) = [wire for wire in told if wire["type"].endswith("arguments.done")]
    assert (arguments["name"], arguments["call_id"], arguments["output_index"]) == ("look", "call_1", 1)
    follows = {w["item"]["id"]: w["previous_item_id"] for w in told if w["type"] == "conversation.item.added"}
    assert follows == {"msg_1_0": "item_1", "fc_1": "msg_1_0"}


def test_a_call_alone_is_a_response():
    """Nothing is said, and no message is told of."""
    start, end = written("", reason="tool_calls")
    told = respond(terms(), [start, *CALLING, events.CallDone(1, 0, 0, CALL), end, done()])
    assert [item["type"] for item in last(told)["output"]] == ["function_call"]
    assert not [type_ for type_ in types(told) if "content_part" in type_ or "audio" in type_]


def test_several_calls_are_told_apart():
    """Their pieces may come by turns."""
    other = CallLine(MARA, "call_2", "wait", "{}", "fc_2")
    start, end = written("", reason="tool_calls")
    pieces = [CALLING[0], events.CallText(1, 0, 1, "fc_2", "call_2", "wait", "{}"), *CALLING[1:]]
    ends = [events.CallDone(1, 0, 0, CALL), events.CallDone(1, 0, 1, other)]
    told = respond(terms(), [start, *pieces, *ends, end, done()])
    assert [(item["call_id"], item["arguments"]) for item in last(told)["output"]] == [
        ("call_1", CALL.arguments),
        ("call_2", "{}"),
    ]


@pytest.mark.parametrize(
    ("outcome", "cut_by_client", "reason", "status", "details"),
    [
        (Outcome.COMPLETED, False, "stop", "completed", {"type": "completed"}),
        (Outcome.COMPLETED, False, "tool_calls", "completed", {"type": "completed"}),
        (Outcome.INTERRUPTED, False, "stop", "cancelled", {"type": "cancelled", "reason": "turn_detected"}),
        (Outcome.INTERRUPTED, True, "stop", "cancelled", {"type": "cancelled", "reason": "client_cancelled"}),
        (Outcome.FAILED, False, "stop", "failed", {"type": "failed", "error": None}),
        (Outcome.COMPLETED, False, "length", "incomplete", {"type": "incomplete", "reason": "max_output_tokens"}),
        (Outcome.COMPLETED, False, "content_filter", "incomplete", {"type": "incomplete", "reason": "content_filter"}),
        (Outcome.INTERRUPTED, False, "length", "cancelled", {"type": "cancelled", "reason": "turn_detected"}),
    ],
)
def test_a_response_says_how_it_ended(outcome, cut_by_client, reason, status, details):
    """The status, its reason, and items that are incomplete unless all is."""
    told = respond(terms(), [*written(reason=reason), voiced()[0], done(outcome=outcome)], cut_by_client=cut_by_client)
    assert (last(told)["status"], last(told)["status_details"]) == (status, details)
    assert last(told)["output"][0]["status"] == ("completed" if status == "completed" else "incomplete")


def test_what_was_open_at_the_end_is_closed():
    """A call that was cut off is incomplete and is not the client's to make; whatever began ends, once."""
    start, *text, _ = written()
    told = respond(terms(), [start, *text, *CALLING[:2], done(outcome=Outcome.INTERRUPTED)])
    assert [item["status"] for item in last(told)["output"]] == ["incomplete", "incomplete"]
    assert "response.function_call_arguments.done" not in types(told)
    for began, ended in (("output_item.added", "output_item.done"), ("content_part.added", "content_part.done")):
        assert types(told).count(f"response.{began}") == types(told).count(f"response.{ended}")


def test_a_response_cut_before_its_first_word_is_empty():
    """It was created and is done."""
    told = respond(terms(), [written()[0], done(outcome=Outcome.INTERRUPTED)])
    assert types(told) == ["response.created", "rate_limits.updated", "response.done"]
    assert last(told)["output"] == []


def test_an_answer_apart_is_no_part_of_the_conversation():
    """Its items are its own: no event of the conversation tells of them."""
    told = respond(terms(conversation=None), [*written(), *voiced(), done()])
    assert not [type_ for type_ in types(told) if type_.startswith("conversation")]
    assert last(told)["conversation_id"] is None
    assert len(last(told)["output"]) == 1


def test_the_terms_are_shown():
    """Clients find their response by its metadata, and what it was asked to be."""
    told = respond(terms(limit=40, metadata={"topic": "sea"}), [*written(), *voiced(), done()])
    for response in (told[0]["response"], last(told)):
        assert response["metadata"] == {"topic": "sea"}
        assert response["max_output_tokens"] == 40
        assert response["audio"]["output"] == OUTPUT
        assert response["conversation_id"] == "conv_1"
    first = told[0]["response"]
    assert (first["status"], first["status_details"], first["output"], first["usage"]) == (
        "in_progress",
        None,
        [],
        None,
    )


def test_usage_counts_what_the_engines_counted():
    """Tokens of text as the language model says, of audio 25 a second; without a count, one for each piece."""
    told = respond(terms(), [*written("Good evening."), *voiced(ms=1000), done()])
    usage = last(told)["usage"]
    assert (usage["input_tokens"], usage["output_tokens"], usage["total_tokens"]) == (7, 27, 34)
    assert usage["output_token_details"] == {"text_tokens": 2, "audio_tokens": 25}
    start, *text, _ = written("One two three.")
    uncounted = respond(terms(aloud=False), [start, *text, events.ReplyTextDone(1, 0, "stop"), done()])
    assert last(uncounted)["usage"]["output_tokens"] == 3
