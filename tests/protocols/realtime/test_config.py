"""The session object: what of it can be changed, what a change means, and what is refused."""

from __future__ import annotations

import copy

import pytest
from openai.types.realtime import RealtimeSessionCreateRequest, RealtimeTranscriptionSessionCreateRequest

from backend.engines.interfaces import Generation
from backend.errors import InvalidRequest, NotFound
from backend.protocols.realtime.config import Scene, SessionConfig
from backend.protocols.realtime.limits import MAX_INSTRUCTIONS, MAX_TOOLS
from tests.protocols.realtime.client import MARA, THEO

SCENE = Scene((MARA, THEO))
LOOK = {"type": "function", "name": "look", "description": "Look.", "parameters": {"type": "object"}}


def config(model: str = "gpt-realtime", **change) -> SessionConfig:
    """A session's configuration after a change."""
    found = SessionConfig("sess_1", model, SCENE, "realtime")
    changed(found, **change)
    return found


def changed(found: SessionConfig, **change) -> None:
    found.update(RealtimeSessionCreateRequest.model_validate({"type": "realtime", **change}))


def detection(**fields) -> dict:
    return {"audio": {"input": {"turn_detection": fields or None}}}


@pytest.mark.parametrize(
    ("model", "speakers"), [("cast", ["mara", "theo"]), ("character:theo", ["theo"]), ("gpt-realtime", ["assistant"])]
)
def test_the_model_says_who_is_there(model, speakers):
    """The server's cast, one of it, or a character that knows only its instructions."""
    assert [character.id for character in config(model).configure().cast] == speakers


def test_a_character_that_is_not_there_is_refused():
    """The error lists those that are."""
    with pytest.raises(NotFound, match="character:mara, character:theo"):
        config("character:nobody")


def test_only_what_is_sent_changes():
    """Objects are merged at every level; what was set before stays."""
    found = config(instructions="Be brief.", audio={"output": {"speed": 1.25}})
    changed(found, audio={"output": {"voice": "nova"}, "input": {"transcription": {"model": "w", "language": "de"}}})
    assert found.wire["instructions"] == "Be brief."
    assert found.output == {"format": {"type": "audio/pcm", "rate": 24000}, "voice": "nova", "speed": 1.25}
    assert found.configure().language == "de"


@pytest.mark.parametrize("kind", ["realtime", "transcription"])
def test_null_brings_back_the_beginning(kind):
    """What was set is unset, down to what this kind of session began with; only turn detection is off without one."""
    found = SessionConfig("sess_1", "gpt-realtime", SCENE, kind)
    first = copy.deepcopy(found.wire)
    model = RealtimeSessionCreateRequest if kind == "realtime" else RealtimeTranscriptionSessionCreateRequest
    sound = {"format": {"type": "audio/pcmu"}, "transcription": {"model": "w"}, "noise_reduction": None}
    for change in ({"audio": {"input": sound}}, {"audio": {"input": dict.fromkeys(sound)}}):
        found.update(model.model_validate({"type": kind, **change}))
    assert found.wire == first
    found.update(model.model_validate({"type": kind, **detection()}))
    assert found.detection is None


def test_what_is_not_the_clients_to_change_stays():
    """A client that sends the session back as it got it changes nothing; unknown fields are left out."""
    found = config()
    first = copy.deepcopy(found.wire)
    changed(
        found,
        **{**first, "id": "other", "object": "x", "model": "cast", "input": {}, "voice": "nova", "audio": {"x": 1}},
    )
    assert found.wire == first


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"instructions": "x" * (MAX_INSTRUCTIONS + 1)}, "instructions"),
        ({"output_modalities": []}, "output_modalities"),
        ({"output_modalities": ["audio", "text"]}, "output_modalities"),
        ({"max_output_tokens": 0}, "max_output_tokens"),
        ({"max_output_tokens": 10**9}, "max_output_tokens"),
        ({"tools": [{"type": "mcp", "server_label": "x"}]}, "tools[0]"),
        ({"tools": [LOOK, {"type": "function"}]}, "tools[1]"),
        ({"tools": [LOOK] * (MAX_TOOLS + 1)}, "tools"),
        ({"audio": {"output": {"speed": 2}}}, "audio.output.speed"),
        ({"audio": {"output": {"speed": float("nan")}}}, "audio.output.speed"),
        ({"audio": {"output": {"format": {}}}}, "audio.output.format.type"),
        ({"audio": {"input": {"format": {"rate": 24000}}}}, "audio.input.format.type"),
        (detection(type="server_vad", silence_duration_ms=49), "audio.input.turn_detection.silence_duration_ms"),
        (detection(type="server_vad", idle_timeout_ms=4999), "audio.input.turn_detection.idle_timeout_ms"),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(change, param):
    """The error names the field, and the rest of the change is not made either."""
    found = config()
    first = copy.deepcopy(found.wire)
    with pytest.raises(InvalidRequest) as caught:
        changed(found, **{"tool_choice": "required", **change})
    assert caught.value.param == f"session.{param}"
    assert found.wire == first


def test_a_session_keeps_its_type():
    """One that was opened to converse cannot become a transcription; the client is told so."""
    with pytest.raises(InvalidRequest) as caught:
        config().update(RealtimeTranscriptionSessionCreateRequest(type="transcription"))
    assert caught.value.param == "session.type"


@pytest.mark.parametrize(
    ("change", "silence_ms", "eagerness", "mode", "answers", "interruptible"),
    [
        ({}, None, "medium", "auto", True, True),
        (detection(), None, None, "push_to_talk", False, False),
        (detection(type="server_vad"), 500, None, "auto", True, True),
        (detection(type="server_vad", silence_duration_ms=900, create_response=False), 900, None, "auto", False, True),
        (detection(type="semantic_vad", eagerness="low", interrupt_response=False), None, "low", "auto", True, False),
        (detection(type="semantic_vad", eagerness="high"), None, "high", "auto", True, True),
        (detection(type="semantic_vad"), None, "medium", "auto", True, True),
    ],
)
def test_turn_detection_means_how_turns_are_taken(change, silence_ms, eagerness, mode, answers, interruptible):
    """Each of the three ways, and whether it answers and may be interrupted."""
    command = config(**change).configure()
    assert (command.silence_ms, command.eagerness, command.mode) == (silence_ms, eagerness, mode)
    assert (command.answers, command.cast[0].interruptible) == (answers, interruptible)


def test_what_is_left_out_of_turn_detection_is_as_usual():
    """Clients are shown all of it, with `null` for what is off."""
    found = config(**detection(type="server_vad", threshold=0.8, prefix_padding_ms=None, idle_timeout_ms=8000))
    assert found.detection == {
        "type": "server_vad",
        "threshold": 0.8,
        "prefix_padding_ms": 300,
        "silence_duration_ms": 500,
        "create_response": True,
        "interrupt_response": True,
        "idle_timeout_ms": 8000,
    }
    assert found.idle_ms == 8000
    assert config().idle_ms is None


def test_a_transcription_session_answers_nobody():
    """It listens; what is said has transcripts without being asked."""
    found = SessionConfig("sess_1", "gpt-realtime", SCENE, "transcription")
    assert found.configure().answers is False
    assert found.shown["type"] == "transcription"
    assert found.shown["audio"]["input"]["transcription"] is not None
    assert "output" not in found.shown["audio"]


def test_instructions_come_after_what_a_character_is():
    """A cast stays itself; a bare model is what it is told to be."""
    for model, prompt in (("cast", "You are Mara.\n\nBe brief."), ("gpt-realtime", "Be brief.")):
        assert config(model, instructions="Be brief.").configure().cast[0].system_prompt == prompt


def test_the_voice_is_that_of_whoever_is_alone():
    """Characters of a cast keep their own."""
    assert config(audio={"output": {"voice": {"id": "nova"}}}).configure().cast[0].voice == "nova"
    assert [c.voice for c in config("cast", audio={"output": {"voice": "nova"}}).configure().cast] == ["one", "two"]


@pytest.mark.parametrize(
    ("change", "wish", "generation"),
    [
        ({}, {}, Generation()),
        ({"max_output_tokens": 50}, {}, Generation(max_tokens=50)),
        ({"max_output_tokens": 50}, {"max_output_tokens": "inf"}, Generation()),
        ({"tool_choice": "required"}, {}, Generation()),
    ],
)
def test_the_language_model_is_asked_as_the_session_or_the_wish_says(change, wish, generation):
    """A wish goes before the session; without tools there is nothing to choose."""
    assert config(**change).generation(wish) == generation


def test_tools_are_those_of_chat_completions():
    """Functions nest there; a choice names one; calls one after another are asked for only where they are wanted."""
    function = {"type": "function", "function": {name: LOOK[name] for name in ("name", "description", "parameters")}}
    named = {"type": "function", "name": "look"}
    asked = config(tools=[LOOK], tool_choice=named, parallel_tool_calls=False).generation({})
    assert asked.extra == {
        "tools": [function],
        "tool_choice": {"type": "function", "function": {"name": "look"}},
        "parallel_tool_calls": False,
    }
    assert config(tools=[LOOK]).generation({"tool_choice": "none"}).extra == {
        "tools": [function],
        "tool_choice": "none",
    }
    assert config(tools=[LOOK]).generation({"tools": []}).extra == {}


def test_the_servers_language_holds_where_the_client_names_none():
    """`--stt-language` is not forgotten on this door, and a client's language goes before it."""
    config = SessionConfig("sess", "any", Scene((), "de"), "realtime")
    assert config.configure().language == "de"
    changed(config, audio={"input": {"transcription": {"model": "any", "language": "fr"}}})
    assert config.configure().language == "fr"


def test_only_functions_can_be_chosen():
    """What the language model could not call is refused, and the session stays as it was."""
    config = SessionConfig("sess", "any", Scene(()), "realtime")
    with pytest.raises(InvalidRequest) as refused:
        changed(config, instructions="New.", tool_choice={"type": "mcp", "server_label": "x"})
    assert refused.value.param == "session.tool_choice"
    assert config.wire["instructions"] == ""
