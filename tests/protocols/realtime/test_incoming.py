"""From the client: what each event asks of the session, and that nothing it sends does harm."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.types.realtime import RealtimeClientEvent

from backend import commands
from backend.characters import Character
from backend.commands import AddLine, Configure, Microphone, Respond
from backend.engines.interfaces import Generation
from backend.events import ErrorRaised, LineAdded, Outcome
from backend.lines import PersonLine
from backend.pipelines.sender import AHEAD_S
from backend.protocols.realtime.incoming import Understand
from backend.protocols.realtime.requests import _PLAIN
from tests.protocols.realtime.client import (
    ENCODED,
    Client,
    checked,
    done,
    over,
    sound,
    turn,
    voiced,
    written,
)

ASSISTANT = Character("assistant", "Assistant", "marin", "Be.")
HELLO = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hello."}]}


def errors(client: Client) -> list[tuple]:
    """(code, param, event_id) of every error."""
    return [tuple(wire["error"][name] for name in ("code", "param", "event_id")) for wire in client.of("error")]


# --- audio ------------------------------------------------------------------------------------------------------------


def test_audio_is_heard_and_makes_the_session_live():
    """From the first append on replies are paced, so that somebody who speaks up stops them."""
    client = Client()
    first = client.send("input_audio_buffer.append", audio=ENCODED)
    assert [type(step) for step in first] == [Configure, Microphone]
    assert first[0] == Configure(ahead_s=AHEAD_S)
    assert [type(step) for step in client.send("input_audio_buffer.append", audio=ENCODED)] == [Microphone]
    assert client.connection.appended_ms == 200


def test_a_commit_needs_audio():
    """Less than 100 ms since the last commit or clear is an error, as clients expect it."""
    client = Client()
    assert client.send("input_audio_buffer.append", audio=ENCODED)
    assert client.send("input_audio_buffer.commit") == [commands.Commit()]
    client.send("input_audio_buffer.commit", event_id="two")
    client.send("input_audio_buffer.append", audio=ENCODED)
    assert client.send("input_audio_buffer.clear")[0] == commands.DiscardAudio()
    client.send("input_audio_buffer.commit", event_id="three")
    assert errors(client) == [
        ("input_audio_buffer_commit_empty", None, "two"),
        ("input_audio_buffer_commit_empty", None, "three"),
    ]


def test_a_new_format_holds_from_the_next_append():
    """The same bytes are more samples in telephone audio."""
    client = Client()
    client.send("input_audio_buffer.append", audio=ENCODED)
    client.update(audio={"input": {"format": {"type": "audio/pcmu"}}})
    client.send("input_audio_buffer.append", audio=ENCODED)
    assert client.connection.appended_ms == 100 + 600


# --- the conversation -------------------------------------------------------------------------------------------------


def test_edits_carry_the_name_of_their_event():
    """Errors about them say which event it was."""
    client = Client()
    (add,) = client.send("conversation.item.create", item={**HELLO, "id": "i"}, previous_item_id="root", event_id="e")
    assert add == AddLine(PersonLine("Hello.", id="i"), "root", "e")
    (show,) = client.send("conversation.item.retrieve", item_id="i", event_id="e")
    (remove,) = client.send("conversation.item.delete", item_id="i", event_id="e")
    (cut,) = client.send("conversation.item.truncate", item_id="i", content_index=0, audio_end_ms=40, event_id="e")
    assert (show, remove) == (commands.ShowLine("i", "e"), commands.RemoveLine("i", "e"))
    assert cut == commands.TruncateLine("i", 40, "e")


def test_nothing_ends_before_it_begins():
    """A reply cannot be cut at a negative time."""
    client = Client()
    client.send("conversation.item.truncate", item_id="i", content_index=0, audio_end_ms=-1)
    assert errors(client) == [("invalid_request", "audio_end_ms", None)]


@pytest.mark.parametrize("audio", [ENCODED, "AA=="])
def test_a_recording_is_understood_before_it_is_added(audio):
    """What it says is not known yet; even half a sample does no harm."""
    client = Client()
    item = {**HELLO, "content": [{"type": "input_audio", "audio": audio}]}
    (step,) = client.send("conversation.item.create", item=item)
    assert isinstance(step, Understand)
    assert len(step.pcm) == pytest.approx(0 if audio == "AA==" else len(sound(100, 16_000)), abs=4)


# --- responses --------------------------------------------------------------------------------------------------------


def wished(client: Client, **wish) -> Respond:
    (respond,) = client.send("response.create", response=wish)
    assert isinstance(respond, Respond)
    return respond


def test_a_response_without_wishes_is_left_to_the_session():
    """The director chooses, the conversation is answered, the answer is kept."""
    respond = wished(Client())
    assert (respond.to, respond.told, respond.kept, respond.aloud) == ((), None, True, True)
    assert respond.generation == Generation()


def test_a_response_may_be_asked_to_be_different():
    """Words instead of sound, at most so many, going by other lines, and forgotten."""
    client = Client()
    told = [HELLO, {"type": "item_reference", "id": "i"}]
    respond = wished(client, output_modalities=["text"], max_output_tokens=9, input=told, conversation="none")
    assert (respond.aloud, respond.kept, respond.generation.max_tokens) == (False, False, 9)
    line, reference = respond.told
    assert (line.text, reference) == ("Hello.", "i")
    assert wished(client, input=[], conversation="none").told == ()


@pytest.mark.parametrize(
    ("model", "wish", "speaker"),
    [
        ("gpt-realtime", {"instructions": "Greet."}, replace(ASSISTANT, system_prompt="Greet.")),
        ("gpt-realtime", {"audio": {"output": {"voice": "nova"}}}, replace(ASSISTANT, voice="nova")),
        ("gpt-realtime", {"audio": {"output": {"voice": {"id": "nova"}}}}, replace(ASSISTANT, voice="nova")),
        ("cast", {"metadata": {"character": "theo"}}, Character("theo", "Theo", "two", "You are Theo.\n\nBe.")),
        (
            "cast",
            {"metadata": {"character": "theo"}, "audio": {"output": {"voice": "nova"}}, "instructions": "Greet."},
            Character("theo", "Theo", "nova", "You are Theo.\n\nGreet."),
        ),
        (
            "cast",
            {"metadata": {"character": "rex"}, "instructions": "You are a dog."},
            Character("rex", "rex", "marin", "You are a dog."),
        ),
    ],
)
def test_a_response_may_be_somebodys(model, wish, speaker):
    """Named in the metadata, told other instructions, given another voice."""
    client = Client(model, instructions="Be.", audio={"output": {"voice": "marin"}})
    respond = wished(client, **wish)
    assert respond.to == (speaker,)
    client.hear(turn(1, speaker.id, request=respond.request), *written(who=speaker))
    response = client.of("response.created")[0]["response"]
    assert response["audio"]["output"]["voice"] == speaker.voice
    assert response["metadata"] == wish.get("metadata")


def test_nobody_speaks_for_a_stranger():
    """A character that is not there, and of which nothing is said, is an error that lists those who are."""
    client = Client("cast")
    client.send("response.create", response={"metadata": {"character": "rex"}})
    assert errors(client) == [("invalid_request", "response.metadata.character", None)]
    assert "mara, theo" in client.told[-1]["error"]["message"]


@pytest.mark.parametrize(
    ("wish", "param"),
    [
        ({"output_modalities": ["audio", "text"]}, "response.output_modalities"),
        ({"conversation": "other"}, "response.conversation"),
        ({"max_output_tokens": -1}, "response.max_output_tokens"),
        ({"tools": [{"type": "function"}]}, "response.tools[0]"),
        ({"metadata": {str(n): "x" for n in range(17)}}, "response.metadata"),
        ({"metadata": {"x" * 65: "x"}}, "response.metadata"),
        ({"metadata": {"x": "x" * 513}}, "response.metadata"),
        ({"audio": {"output": {"format": {"rate": 24000}}}}, "response.audio.output.format.type"),
        ({"input": [{"type": "message", "role": "user", "content": []}]}, "response.input.content"),
        ({"input": [{**HELLO, "content": [{"type": "input_audio", "audio": ENCODED}]}]}, "response.input"),
    ],
)
def test_a_response_that_cannot_be_is_refused(wish, param):
    """The error names the field, and nobody speaks."""
    client = Client()
    client.send("response.create", response=wish, event_id="e")
    assert errors(client) == [("invalid_request", param, "e")]
    assert not client.connection.wishes


def test_one_response_at_a_time():
    """While one is being made another is refused; one apart is not, and the next may be asked for once all is sent."""
    client = Client()
    client.hear(turn(), *written())
    client.send("response.create", event_id="e")
    assert errors(client) == [("conversation_already_has_active_response", None, "e")]
    assert wished(client, conversation="none")
    client.hear(*voiced())
    assert wished(client)


def test_a_cancel_stops_what_is_being_made():
    """By its id, or whatever the conversation's is; what is done or unknown is no longer there to be stopped."""
    client = Client()
    client.send("response.cancel")
    client.hear(turn(), *written())
    client.hear(turn(-1, request=wished(client, conversation="none").request), *written(number=-1))
    first, apart = (wire["response"]["id"] for wire in client.of("response.created"))
    assert client.send("response.cancel", response_id=apart) == [commands.Interrupt(-1)]
    assert client.send("response.cancel") == [commands.Interrupt(1)]
    client.hear(done(outcome=Outcome.INTERRUPTED), over(outcome=Outcome.INTERRUPTED))
    details = client.told[-1]["response"]["status_details"]
    assert details == {"type": "cancelled", "reason": "client_cancelled"}
    client.send("response.cancel", response_id=first)
    assert errors(client) == [("response_cancel_not_active", "response_id", None)] * 2


def test_clearing_the_output_silences_what_is_played():
    """Also when all was sent already; where nobody speaks there is nothing to do."""
    client = Client()
    assert client.send("output_audio_buffer.clear") == []
    client.hear(turn(), *written(), *voiced())
    assert client.send("output_audio_buffer.clear") == [commands.Interrupt(1)]


def test_a_refused_response_is_forgotten():
    """Nothing is kept of what the session could not do."""
    client = Client()
    client.hear(ErrorRaised("already_speaking", "wait", request=wished(client).request))
    assert not client.connection.wishes
    assert [code for code, _, _ in errors(client)] == ["conversation_already_has_active_response"]


# --- anything at all --------------------------------------------------------------------------------------------------

FIELDS = """
type id object session item response audio input output format voice speed transcription model language
turn_detection tools tool_choice name parameters instructions metadata character conversation content role text
transcript item_id previous_item_id audio_end_ms content_index response_id max_output_tokens output_modalities
call_id
"""
NAMES = st.sampled_from(FIELDS.split()) | st.text(max_size=6)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["realtime", "message", "user", "input_text", "function", "audio/pcmu", "server_vad", "AAAA", ""])
    | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)
TYPES = st.sampled_from([*_PLAIN, "session.update", "conversation.item.create", "response.create", "other"])
SESSIONS = st.builds(lambda rest: {"type": "realtime", **rest}, st.dictionaries(NAMES, VALUES, max_size=4))
SOUNDS = st.builds(lambda way, rest: {"audio": {way: rest}}, st.sampled_from(["input", "output"]), VALUES)
EVENTS = st.builds(
    lambda type_, named, rest, deep: {"type": type_, "event_id": named, **rest, **deep},
    TYPES,
    st.sampled_from(["mine", None, 7]),
    st.dictionaries(NAMES, VALUES, max_size=4),
    st.one_of(
        st.just({}),
        st.builds(lambda session: {"session": session}, SESSIONS),
        st.builds(lambda sound: {"session": {"type": "realtime", **sound}, "response": sound}, SOUNDS),
        st.builds(lambda item: {"item": {**HELLO, **item}}, st.dictionaries(NAMES, VALUES, max_size=3)),
    ),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(EVENTS, min_size=1, max_size=4))
def test_anything_is_a_step_or_a_clear_error(given_events):
    """Whatever objects a client sends, one after another: commands, or an `error` with the name the client gave; and
    the session can still be shown and a response told afterwards."""
    client = Client()
    for event in given_events:
        named = event["event_id"] if isinstance(event["event_id"], str) else None
        steps = list(client.incoming.receive(json.loads(json.dumps(event))))
        for step in steps:
            if isinstance(step, dict):
                assert checked(step)["type"] in ("error", "input_audio_buffer.cleared")
                assert step["type"] != "error" or (step["error"]["event_id"], bool(step["error"]["message"])) == (
                    named,
                    True,
                )
            else:
                assert isinstance(step, commands.Command | Understand)
            if isinstance(step, AddLine):
                client.hear(LineAdded(step.line, None))
            if isinstance(step, Respond):
                client.hear(turn(request=step.request), *written(), *voiced(), done(), over())
        client.ready()
    client.hear(turn(2), *written(number=2), *voiced(number=2), done(2), over(2))


def test_every_event_of_the_official_client_is_known():
    """All that it can send comes to something; nothing is an unknown type."""
    types = {get_args(kind.model_fields["type"].annotation)[0] for kind in get_args(get_args(RealtimeClientEvent)[0])}
    assert len(types) == 11
    client = Client()
    for type_ in types:
        client.send(type_)
    assert "type" not in [param for _, param, _ in errors(client)]
