"""The native protocol's codec: everything well-formed is understood, nothing else gets through."""

from __future__ import annotations

import json
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend import commands, events
from backend.characters import Character
from backend.engines.interfaces import Generation
from backend.errors import InvalidRequest
from backend.events import Outcome
from backend.heard import HeardWord
from backend.ledger import STAGES, Ledger
from backend.protocols.native import decode, encode
from tests.sessions import MARA, THEO

KNOWN = {"mara": MARA, "theo": THEO}


@pytest.mark.parametrize(
    ("message", "command"),
    [
        (b"\x01\x02", commands.Microphone(b"\x01\x02")),
        ({"type": "user.text", "text": " hello "}, commands.Say("hello")),
        ({"type": "user.text", "text": "hello", "to": ["mara"]}, commands.Say("hello", ("mara",))),
        ({"type": "audio.commit"}, commands.Commit()),
        ({"type": "interrupt", "unknown": 1}, commands.Interrupt()),
        ({"type": "regenerate"}, commands.Regenerate()),
        ({"type": "regenerate", "to": ["theo", "mara"]}, commands.Regenerate(("theo", "mara"))),
        ({"type": "greet"}, commands.Greet()),
        ({"type": "greet", "character": "theo", "greeting": 2}, commands.Greet("theo", 2)),
        ({"type": "conversation.clear"}, commands.ClearConversation()),
        ({"type": "playback.position", "turn": 1, "reply": 0, "samples": 99}, commands.PlaybackPosition(1, 0, 99)),
        ({"type": "ping", "nonce": "n"}, commands.Ping("n")),
        ({"type": "ping"}, commands.Ping(None)),
        ({"type": "session.configure"}, commands.Configure()),
        (
            {
                "type": "session.configure",
                "characters": ["theo", {"id": "x", "name": "X", "voice": "nova", "system_prompt": "You are X."}],
                "user_name": "Ada",
                "output_rate": 48000,
                "llm": {"model": "m", "temperature": 1, "seed": 3},
                "turn": {"mode": "push_to_talk", "silence_ms": 200, "eagerness": "high"},
                "captions": False,
                "scene": "A harbour at night.",
                "lines_among_themselves": 6,
                "to": ["theo"],
            },
            commands.Configure(
                cast=(THEO, Character("x", "X", "nova", "You are X.")),
                user_name="Ada",
                output_rate=48000,
                generation=Generation("m", 1.0, extra={"seed": 3}),
                silence_ms=200,
                eagerness="high",
                mode="push_to_talk",
                captions=False,
                scene="A harbour at night.",
                lines_among_themselves=6,
                to=("theo",),
            ),
        ),
    ],
)
def test_every_message_of_the_protocol_is_understood(message, command):
    """Each client message becomes its command."""
    assert decode(message if isinstance(message, bytes) else json.dumps(message), KNOWN) == command


@pytest.mark.parametrize(
    "message",
    [
        b"\x01",
        b"",
        "",
        "{",
        "[]",
        "null",
        "{}",
        '{"type": "nonsense"}',
        '{"type": "session.configure", "llm": {"top_a": NaN}}',
        '{"type": "session.configure", "llm": {"nested": [1e999]}}',
        '{"type": 5}',
        '{"type": "user.text"}',
        '{"type": "user.text", "text": 5}',
        '{"type": "user.text", "text": "   "}',
        '{"type": "user.text", "text": "x", "to": "mara"}',
        '{"type": "playback.position", "turn": -1, "reply": 0, "samples": 0}',
        '{"type": "playback.position", "turn": 1, "reply": 0, "samples": 1e400}',
        '{"type": "playback.position", "turn": 99999999999999999999999, "reply": 0, "samples": 0}',
        '{"type": "session.configure", "characters": []}',
        '{"type": "session.configure", "characters": ["nobody"]}',
        '{"type": "session.configure", "characters": ["mara", "mara"]}',
        '{"type": "session.configure", "output_rate": 44100}',
        '{"type": "session.configure", "llm": {"temperature": NaN}}',
        '{"type": "session.configure", "turn": {"silence_ms": -5}}',
        '{"type": "session.configure", "scene": 5}',
        '{"type": "session.configure", "lines_among_themselves": 21}',
        '{"type": "session.configure", "lines_among_themselves": true}',
        '{"type": "greet", "greeting": -1}',
        '{"type": "greet", "character": ""}',
        '{"type": "regenerate", "to": "mara"}',
        '{"type": "ping", "nonce": {"a": 1}}',
    ],
)
def test_what_is_not_of_the_protocol_is_refused(message):
    """Malformed, unknown, mistyped or out of range: one clear error, never an exception of another kind."""
    with pytest.raises(InvalidRequest) as caught:
        decode(message, KNOWN)
    assert str(caught.value)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=8,
)
types = st.sampled_from(
    ["session.configure", "user.text", "audio.commit", "interrupt", "playback.position", "greet", "regenerate", "x"]
)
fields = st.sampled_from(["text", "to", "turn", "reply", "samples", "characters", "llm", "output_rate", "nonce", "id"])


@settings(max_examples=500, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=64),
        st.text(max_size=64),
        json_values.map(json.dumps),
        st.builds(
            lambda kind, rest: json.dumps({"type": kind, **rest}),
            types,
            st.dictionaries(fields, json_values, max_size=5),
        ),
    )
)
def test_anything_is_a_command_or_a_refusal(message):
    """Whatever bytes arrive, the codec answers with a command or `InvalidRequest`."""
    try:
        decode(message, KNOWN)
    except InvalidRequest as error:
        assert len(str(error)) < 500


@given(
    st.integers(0, 2**16 - 1),
    st.integers(0, 2**16 - 1),
    st.integers(0, 2**16 - 1),
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**32 - 1),
    st.binary(max_size=40),
    st.booleans(),
    st.booleans(),
)
def test_audio_frames_have_the_header_of_the_contract(
    reply, sentence, chunk, turn, first_sample, pcm, ends_sentence, ends_message
):
    """16 little-endian bytes: kind, flags, reply, sentence, chunk, turn, first sample; then the samples."""
    frame = events.AudioFrame(turn, reply, sentence, chunk, first_sample, pcm, ends_sentence, ends_message)
    message = encode(frame, 0.0)
    assert isinstance(message, bytes)
    assert struct.unpack("<BBHHHII", message[:16]) == (
        1,
        ends_sentence + 2 * ends_message,
        reply,
        sentence,
        chunk,
        turn,
        first_sample,
    )
    assert message[16:] == pcm


ENTRY = Ledger(0, 0.0).entry(1.5, 0)
EVENTS = {
    "session.ready": events.SessionReady("s", "t", "c", 24000, {"llm": {"name": "x"}}, [MARA]),
    "engines.changed": events.EnginesChanged({"stt": {"name": "x"}}),
    "speech.started": events.SpeechStarted(10),
    "speech.stopped": events.SpeechStopped(20, 256, "finished sentence"),
    "transcript.partial": events.TranscriptPartial("wha"),
    "transcript.final": events.TranscriptFinal("what"),
    "turn.started": events.TurnStarted(1, "what", "speech", ("mara",)),
    "reply.started": events.ReplyStarted(1, 0, "m", "mara", "Mara"),
    "reply.text": events.ReplyText(1, 0, "Hé "),
    "reply.sentence": events.ReplySentence(1, 0, 0, "Hé."),
    "reply.words": events.ReplyWords(1, 0, 0, (HeardWord(0, 3, 2400),)),
    "reply.done": events.ReplyDone(1, 0, "m", Outcome.INTERRUPTED, "Hé. No.", "Hé."),
    "turn.done": events.TurnDone(1, Outcome.COMPLETED, (ENTRY,)),
    "error": events.ErrorRaised("invalid_request", "no", {"a": 1}),
    "pong": events.Pong("n"),
}


@pytest.mark.parametrize(("name", "event"), EVENTS.items())
def test_every_event_is_json_with_its_type_and_time(name, event):
    """Each event is one JSON object with `type`, `at`, and inside a turn `turn`."""
    message = json.loads(encode(event, 12.25))
    assert (message["type"], message["at"]) == (name, 12.25)
    assert message.get("turn") == getattr(event, "turn", None)


def test_the_ledger_on_the_wire_holds_every_field_of_the_contract():
    """Clients find all stages and figures, `null` where not reached."""
    entry = json.loads(encode(EVENTS["turn.done"], 0.0))["ledger"][0]
    figures = {
        "reply",
        "saved_by_speculation",
        "audio_s",
        "rtf",
        "llm_tokens",
        "sentences",
        "underruns",
        "cancelled_after_s",
    }
    assert set(entry) == {*STAGES, *figures}


def test_prompts_are_not_sent_to_clients():
    """`session.ready` shows who takes part, not what they were told."""
    assert "You are Mara" not in str(encode(EVENTS["session.ready"], 0.0))
