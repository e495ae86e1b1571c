"""What pipecat, livekit agents and @openai/agents rely on beyond the types of the protocol."""

from __future__ import annotations

import pytest

from backend import commands, events
from backend.events import Outcome
from backend.lines import PersonLine
from backend.protocols.realtime.config import Scene
from backend.protocols.realtime.connection import Connection
from backend.protocols.realtime.incoming import Incoming
from backend.protocols.realtime.outgoing import Outgoing
from tests.sessions import MARA

TRANSCRIBES = {"type": "realtime", "audio": {"input": {"transcription": {"model": "any"}}}}


class Wired:
    """Both directions of a connection to one character, without a session."""

    def __init__(self) -> None:
        self.connection = Connection("sess_1", "guide", Scene((MARA,)))
        self._incoming, self._outgoing = Incoming(self.connection), Outgoing(self.connection)

    def send(self, type_: str, **fields):
        """The steps that a client's event comes to."""
        return list(self._incoming.receive({"type": type_, **fields}))

    def tell(self, *happened: events.Event):
        """The server events that these come to."""
        return [wire for one in happened for wire in self._outgoing.tell(one)]

    def reply(self, turn: int, id_: str):
        """A reply is written and voiced to its end."""
        return self.tell(
            events.TurnStarted(turn, "", "request", ("mara",)),
            events.ReplyStarted(turn, 0, id_, "mara", "Mara"),
            events.ReplyText(turn, 0, "Yes."),
            events.ReplyTextDone(turn, 0, "stop"),
            events.AudioFrame(turn, 0, 0, 0, 0, b"\0\0" * 2400, ends_sentence=True, ends_message=True),
        )

    def heard(self, turn: int, id_: str):
        """It is over, and with it the turn."""
        done = events.ReplyDone(turn, 0, id_, Outcome.COMPLETED, "Yes.", "Yes.")
        return self.tell(done, events.TurnDone(turn, Outcome.COMPLETED, ()))


@pytest.fixture
def wired() -> Wired:
    return Wired()


def follows(wires, id_: str) -> str | None:
    """What the item of that id is said to come after."""
    return next(
        wire["previous_item_id"]
        for wire in wires
        if wire["type"] == "conversation.item.added" and wire["item"]["id"] == id_
    )


def one(wires, type_: str):
    [found] = [wire for wire in wires if wire["type"] == type_]
    return found


def test_an_item_added_while_a_reply_is_still_heard_is_followed_by_the_next_reply(wired):
    """That a reply has been heard does not put the end of the conversation back to it."""
    wired.reply(1, "msg_yes")
    added = wired.tell(events.LineAdded(PersonLine("And now?", id="msg_now"), "msg_yes"))
    wired.heard(1, "msg_yes")
    assert follows(added, "msg_now") == "msg_yes"
    assert follows(wired.reply(2, "msg_later"), "msg_later") == "msg_now"


def test_nothing_follows_an_item_that_was_deleted(wired):
    """Clients that delete a reply nobody heard find the next item after one that they know."""
    wired.tell(events.LineAdded(PersonLine("Hello.", id="msg_hello"), None))
    wired.reply(1, "msg_unheard")
    wired.heard(1, "msg_unheard")
    wired.tell(events.LineRemoved("msg_unheard", "msg_hello"))
    said = wired.tell(events.TranscriptFinal("stop", "msg_stop"))
    assert follows(said, "msg_stop") == "msg_hello"
    assert one(said, "input_audio_buffer.committed")["previous_item_id"] == "msg_hello"


def test_what_was_said_is_told_once(wired):
    """Clients that add the transcript to the item's content do not have it twice."""
    wired.send("session.update", session=TRANSCRIBES)
    said = wired.tell(events.TranscriptFinal("good morning", "msg_1"))
    shown = [wire["item"]["content"][0]["transcript"] for wire in said if "item" in wire]
    assert shown == [None, None]
    assert one(said, "conversation.item.input_audio_transcription.completed")["transcript"] == "good morning"


def test_a_cancel_that_comes_too_late_is_known_to_be_harmless(wired):
    """Pipecat goes by the code and livekit by how the message begins; else they report a failure."""
    [answer] = wired.send("response.cancel")
    assert answer["error"]["code"] == "response_cancel_not_active"
    assert answer["error"]["message"].startswith("Cancellation failed")


@pytest.mark.parametrize(
    ("edit", "code", "shown"),
    [
        (commands.AddLine(PersonLine("Hi.", id="x")), "invalid_request", "item_create_duplicate_item_id"),
        (commands.AddLine(PersonLine("Hi."), "x"), "not_found", "not_found"),
        (commands.ShowLine("x"), "not_found", "item_retrieve_invalid_item_id"),
        (commands.RemoveLine("x"), "not_found", "item_delete_invalid_item_id"),
        (commands.TruncateLine("x", 10), "not_found", "item_truncate_invalid_item_id"),
        (commands.TruncateLine("x", 10), "invalid_request", "invalid_request"),
    ],
)
def test_edits_that_fail_have_the_codes_that_clients_forgive(wired, edit, code, shown):
    """Pipecat ends its session at any other code for an item that is not there; livekit takes a duplicate for done."""
    [told] = wired.tell(events.ErrorRaised(code, "no", {"param": "item_id"}, request="event_1", edit=edit))
    assert (told["error"]["code"], told["error"]["event_id"]) == (shown, "event_1")
