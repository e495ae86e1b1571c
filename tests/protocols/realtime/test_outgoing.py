"""Server events: all 37 of the core, each as the `openai` package types it, in the order clients expect."""

from __future__ import annotations

import itertools

import pytest

from backend import events
from backend.errors import ALREADY_SPEAKING
from backend.events import Outcome
from backend.lines import CallLine, NoteLine, PersonLine, new_id
from tests.protocols.realtime.client import ENCODED, KINDS, MARA, THEO, Client, done, over, sound, turn, voiced, written

TRANSCRIBED = {"audio": {"input": {"transcription": {"model": "gpt-4o-transcribe-diarize"}}}}
SPOKEN = (events.SpeechStarted(320, "item_1"), events.SpeechStopped(1320, 256, "finished sentence", "item_1"))
HEARD = (*SPOKEN, events.TranscriptFinal("What now?", "item_1"))
CALL = CallLine(MARA, "call_1", "look", '{"at": "sea"}', "fc_1")


def answered(client: Client) -> Client:
    """The person spoke and was answered aloud."""
    client.hear(*HEARD, turn(), *written(), *voiced(), done(), over())
    return client


def interrupted(client: Client) -> Client:
    """The person cut in."""
    client.hear(*HEARD, turn(), *written(), *voiced()[:1])
    client.hear(events.SpeechStarted(2000, "item_2"), done(outcome=Outcome.INTERRUPTED), over())
    return client


def called(client: Client) -> Client:
    """A function was called after some words."""
    start, *text, end = written(reason="tool_calls")
    pieces = [events.CallText(1, 0, 0, "fc_1", "call_1", "look", delta) for delta in ("", '{"at": ', '"sea"}')]
    client.hear(turn(), start, *text, *pieces, events.CallDone(1, 0, 0, CALL), end, *voiced(), done(), over())
    return client


def in_writing(client: Client) -> Client:
    """An answer that is only written."""
    client.update(output_modalities=["text"])
    client.hear(turn(), *written(), done(), over())
    return client


def edited(client: Client) -> Client:
    """Lines come, are looked at, are cut, and go."""
    line = PersonLine("Hello.", id="item_9")
    client.hear(events.LineAdded(line, None), events.LineShown(line))
    client.hear(events.LineTruncated("item_9", 120), events.LineRemoved("item_9", None))
    return client


def misheard(client: Client) -> Client:
    """What the person said could not be recognised."""
    client.hear(*SPOKEN, events.ErrorRaised("stt_error", "the recogniser is gone", line="item_1"))
    return client


def silent(client: Client) -> Client:
    """Nobody spoke for as long as the client waits."""
    client.update(audio={"input": {"turn_detection": {"type": "server_vad", "idle_timeout_ms": 6000}}})
    client.send("input_audio_buffer.append", audio=ENCODED)
    client.told += client.outgoing.timed_out(new_id())
    return client


def cleared(client: Client) -> Client:
    """The client threw its audio away."""
    client.send("input_audio_buffer.clear")
    return client


def wrong(client: Client) -> Client:
    """The client sent what is no event."""
    client.send("nonsense")
    return client


TYPES = {
    "session.created": answered,
    "session.updated": in_writing,
    "conversation.created": answered,
    "conversation.item.added": edited,
    "conversation.item.created": edited,
    "conversation.item.done": edited,
    "conversation.item.deleted": edited,
    "conversation.item.retrieved": edited,
    "conversation.item.truncated": edited,
    "conversation.item.input_audio_transcription.delta": answered,
    "conversation.item.input_audio_transcription.completed": answered,
    "conversation.item.input_audio_transcription.segment": answered,
    "conversation.item.input_audio_transcription.failed": misheard,
    "input_audio_buffer.speech_started": answered,
    "input_audio_buffer.speech_stopped": answered,
    "input_audio_buffer.committed": answered,
    "input_audio_buffer.cleared": cleared,
    "input_audio_buffer.timeout_triggered": silent,
    "response.created": answered,
    "response.done": answered,
    "response.output_item.added": answered,
    "response.output_item.done": answered,
    "response.content_part.added": answered,
    "response.content_part.done": answered,
    "response.output_audio.delta": answered,
    "response.output_audio.done": answered,
    "response.output_audio_transcript.delta": answered,
    "response.output_audio_transcript.done": answered,
    "response.output_text.delta": in_writing,
    "response.output_text.done": in_writing,
    "response.function_call_arguments.delta": called,
    "response.function_call_arguments.done": called,
    "output_audio_buffer.started": answered,
    "output_audio_buffer.stopped": answered,
    "output_audio_buffer.cleared": interrupted,
    "rate_limits.updated": answered,
    "error": wrong,
}
"""Every core server event, and what it is told of."""

EXTENSIONS = {
    "conversation.item.created",
    "output_audio_buffer.started",
    "output_audio_buffer.stopped",
    "output_audio_buffer.cleared",
}
"""Those that are only sent with `?extensions=1`."""


def test_the_table_holds_every_core_event():
    """Nothing of the protocol is forgotten: all but those about MCP servers and telephone keys."""
    assert len(TYPES) == 37
    assert set(TYPES) == {type_ for type_ in KINDS if "mcp" not in type_ and "dtmf" not in type_}


@pytest.mark.parametrize(("type_", "scene"), TYPES.items())
def test_every_core_event_is_sent_as_the_official_types_have_it(type_, scene):
    """Whatever is told in a scene is valid, and this event is in it."""
    assert type_ in scene(Client(extensions=True, **TRANSCRIBED)).types()


@pytest.mark.parametrize("scene", sorted(set(TYPES.values()), key=lambda scene: scene.__name__))
def test_without_extensions_a_client_is_sent_nothing_beyond_a_websocket_of_openai_s(scene):
    """What others send over other transports only, or no longer, is for those who ask."""
    plain, asked = scene(Client(**TRANSCRIBED)), scene(Client(extensions=True, **TRANSCRIBED))
    assert [type_ for type_ in asked.types() if type_ not in EXTENSIONS] == plain.types()


def test_events_come_in_the_order_clients_expect():
    """A response is announced, then its item, then its content; each ends after what is in it."""
    client = answered(Client(**TRANSCRIBED))
    firsts = [type_ for type_, _ in itertools.groupby(client.types())]
    assert firsts == [
        "session.created",
        "conversation.created",
        "session.updated",
        "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
        "conversation.item.input_audio_transcription.delta",
        "conversation.item.input_audio_transcription.segment",
        "conversation.item.input_audio_transcription.completed",
        "response.created",
        "rate_limits.updated",
        "response.output_item.added",
        "conversation.item.added",
        "response.content_part.added",
        "response.output_audio_transcript.delta",
        "response.output_audio.delta",
        "response.output_audio.done",
        "response.output_audio_transcript.done",
        "response.content_part.done",
        "response.output_item.done",
        "conversation.item.done",
        "response.done",
    ]


def test_every_event_has_an_id_of_its_own():
    """Clients tell events apart by it."""
    ids = [wire["event_id"] for wire in called(Client()).told]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("scene", [answered, called, edited, silent])
def test_items_follow_one_another(scene):
    """Whoever rebuilds the conversation from `previous_item_id` gets every item once, in order."""
    client = scene(Client(extensions=True))
    order: list[str] = []
    for wire in client.of("conversation.item.added"):
        assert wire["previous_item_id"] == (order[-1] if order else None)
        order.append(wire["item"]["id"])
    assert len(set(order)) == len(order)
    committed = client.of("input_audio_buffer.committed")
    assert all(wire["item_id"] == order[0] for wire in committed if order)


def test_what_a_client_adds_while_somebody_speaks_comes_after_that():
    """The item that follows is said to follow the added one, not the reply under way."""
    client = Client()
    start, *text = written()
    client.hear(*HEARD, turn(), start, text[0], events.LineAdded(NoteLine("Be brief.", "item_9"), "msg_1_0"))
    client.hear(*text[1:], *voiced(), done(), over(), *SPOKEN, events.TranscriptFinal("And?", "item_2"))
    assert client.of("input_audio_buffer.committed")[-1]["previous_item_id"] == "item_9"


def test_what_was_deleted_is_not_followed():
    """After the newest item was taken out, the next one follows the one before."""
    client = answered(Client())
    client.hear(events.LineRemoved("msg_1_0", "item_1"), *SPOKEN, events.TranscriptFinal("And?", "item_2"))
    assert client.of("input_audio_buffer.committed")[-1]["previous_item_id"] == "item_1"


# --- several characters -----------------------------------------------------------------------------------------------


def test_a_turn_of_a_cast_is_one_response_after_another():
    """Events of the second character wait for the end of the first one's response; each says who speaks."""
    client = Client("cast")
    first, second = written("So do I."), written("And I.", reply=1, who=THEO)
    client.hear(turn(), *first, voiced()[0], *second, voiced()[1], *voiced(reply=1), done(), done(reply=1), over())
    told = [type_ for type_ in client.types() if type_ in ("response.created", "response.done")]
    assert told == ["response.created", "response.done"] * 2
    said = [
        (wire["response"]["metadata"], wire["response"]["audio"]["output"]["voice"])
        for wire in client.told[2:]
        if wire["type"] in ("response.created", "response.done")
    ]
    assert said == [({"character": "mara"}, "one")] * 2 + [({"character": "theo"}, "two")] * 2
    ids = [wire["response_id"] for wire in client.told if "response_id" in wire]
    assert [id_ for id_, _ in itertools.groupby(ids)] == list(dict.fromkeys(ids))


def test_the_buffer_of_every_character_is_told_to_stop():
    """A reply that is still heard when the next one is told ends for itself."""
    client = Client("cast", extensions=True)
    client.hear(turn(), *written(), *written(reply=1, who=THEO), *voiced(), *voiced(reply=1))
    client.hear(done(), done(reply=1), over())
    stopped = [wire["response_id"] for wire in client.of("output_audio_buffer.stopped")]
    assert stopped == [wire["response"]["id"] for wire in client.of("response.created")]


def test_who_was_not_heard_before_the_cut_has_no_response():
    """A response is not begun only to be cancelled."""
    client = Client("cast")
    client.hear(turn(), *written(), voiced()[0], *written(reply=1, who=THEO))
    client.hear(done(outcome=Outcome.INTERRUPTED), done(reply=1, outcome=Outcome.INTERRUPTED), over())
    (response,) = [wire["response"] for wire in client.of("response.done")]
    assert response["status"] == "cancelled"
    assert len(client.of("response.created")) == 1


# --- what went wrong --------------------------------------------------------------------------------------------------


def test_every_response_of_a_turn_that_failed_says_why():
    """Also one that was only written when it failed."""
    client = Client("cast")
    client.hear(turn(), *written(), voiced()[0], *written(reply=1, who=THEO))
    client.hear(events.ErrorRaised("tts_error", "hoarse", turn=1))
    client.hear(done(outcome=Outcome.FAILED), done(reply=1, outcome=Outcome.FAILED), over(outcome=Outcome.FAILED))
    details = [wire["response"]["status_details"] for wire in client.of("response.done")]
    error = {"type": "server_error", "code": "tts_error", "message": "hoarse"}
    assert details == [{"type": "failed", "error": error}] * 2
    assert not client.of("error")


def test_an_error_names_the_event_that_it_is_about():
    """The client finds its own id, the field that is to blame, and whose fault it was."""
    client = Client()
    (wish,) = client.send("response.create", event_id="mine", response={})
    client.hear(events.ErrorRaised(ALREADY_SPEAKING, "wait", {"param": "x"}, request=wish.request))
    client.hear(events.ErrorRaised("not_found", "there is no item", request="other"))
    client.hear(events.ErrorRaised("not_found", "there is no item", request=""))
    client.hear(events.ErrorRaised("stt_error", "speech recognition is behind"))
    told = [tuple(wire["error"][name] for name in ("type", "code", "param", "event_id")) for wire in client.of("error")]
    assert told == [
        ("invalid_request_error", "conversation_already_has_active_response", "x", "mine"),
        ("invalid_request_error", "not_found", None, "other"),
        ("invalid_request_error", "not_found", None, None),
        ("server_error", "stt_error", None, None),
    ]


def test_what_could_not_be_understood_is_an_item_without_a_transcript():
    """The client learns that something was said, and why nobody knows what."""
    client = misheard(Client(**TRANSCRIBED))
    assert client.types()[-4:] == [
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
        "conversation.item.input_audio_transcription.failed",
    ]
    assert client.told[-1]["error"]["message"] == "the recogniser is gone"
    assert client.told[-2]["item"]["content"] == [{"type": "input_audio", "transcript": None}]


# --- the session ------------------------------------------------------------------------------------------------------


def test_only_changes_of_the_client_s_are_acknowledged():
    """The server's own changes of the session are not told as the client's."""
    client = Client()
    client.ready()
    assert client.types() == ["session.created", "conversation.created"]
    client.update(instructions="Be brief.")
    assert client.told[-1]["session"]["instructions"] == "Be brief."


def test_the_voice_that_was_dealt_is_shown():
    """A client that names none still learns which one it hears."""
    client = Client("cast")
    assert client.of("session.created")[0]["session"]["audio"]["output"]["voice"] == "one"


def test_a_transcription_session_is_one():
    """It is of that type from the beginning, and has transcripts without being asked."""
    client = Client(intent="transcription")
    assert client.told[0]["session"]["type"] == "transcription"
    client.hear(*HEARD)
    assert client.types()[-1] == "conversation.item.input_audio_transcription.completed"


def test_audio_of_a_telephone_is_coded():
    """A response speaks in the format that was asked for."""
    client = Client(audio={"output": {"format": {"type": "audio/pcmu"}}})
    client.hear(turn(), *written(), *voiced())
    coded = sum(len(wire["delta"]) * 3 // 4 for wire in client.of("response.output_audio.delta"))
    assert coded == pytest.approx(len(sound(200)) / 6, abs=4)
