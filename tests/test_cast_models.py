"""The cast as models: names, who answers, and what each is told."""

import pytest

from backend.cast_models import Line, cast_models, company, messages_for, next_speaker
from backend.engines.interfaces import Message
from backend.errors import NotFound
from tests.sessions import CAST, IRIS, MARA, THEO


def line(role, content, character=None):
    return Line(Message(role=role, content=content), character)


def test_names():
    """Every character is a model, the whole cast is one, and no other name is taken for theirs."""
    assert cast_models(CAST) == ["cast", "character:mara", "character:theo", "character:iris"]
    assert company("cast", CAST) == CAST
    assert company("character:theo", CAST) == (THEO,)
    assert company("gpt-4o", CAST) == company("casting", CAST) == ()
    with pytest.raises(NotFound, match="character:mara") as caught:
        company("character:Theo", CAST)
    assert caught.value.param == "model"


@pytest.mark.parametrize(
    ("lines", "speaker"),
    [
        ([], MARA),
        ([line("user", "Theo?")], THEO),
        ([line("user", "Hello.")], MARA),
        ([line("user", "Theo?"), line("assistant", "Yes?", "theo"), line("user", "And?")], THEO),
        ([line("user", "All of you?"), line("assistant", "Aye.", "mara")], THEO),
        ([line("user", "Theo and Iris?"), line("assistant", "Aye.", "theo")], IRIS),
        ([line("user", "Theo?"), line("assistant", "Aye.", "theo")], THEO),
        ([line("user", "Hm?"), line("assistant", "Aye.", "nobody"), line("user", "And?")], MARA),
    ],
)
def test_who_answers(lines, speaker):
    """Those addressed answer one after another, else whoever was talked with, else the first."""
    assert next_speaker(lines, CAST) == speaker


def test_who_called_a_function_has_not_answered():
    """The result of a call goes to the character that made it."""
    call = Message(role="assistant", content="", tool_calls=[{"id": "1"}])
    result = Message(role="tool", content="grey", tool_call_id="1")
    lines = [line("user", "Iris and Theo?"), Line(call, "iris"), Line(result)]
    assert next_speaker(lines, CAST) == IRIS
    assert messages_for(IRIS, CAST, lines)[2:] == [call, result]


def test_a_character_sees_the_others_as_others():
    """Its own lines are its own; everybody else's have names, in one message, since roles must alternate."""
    lines = [
        line("system", "It rains."),
        line("user", "Hello."),
        line("assistant", "Aye.", "mara"),
        line("assistant", "Well.", "theo"),
        line("user", "And?"),
        line("system", "It stops."),
    ]
    prompt, *seen = messages_for(THEO, CAST, lines)
    assert "You are Theo in a spoken conversation with User. Also present: Mara, Iris." in prompt["content"]
    assert prompt["content"].endswith("It rains.")
    assert seen == [
        {"role": "user", "content": "User: Hello.\nMara: Aye."},
        {"role": "assistant", "content": "Well."},
        {"role": "user", "content": "User: And?"},
        {"role": "system", "content": "It stops."},
    ]
    assert messages_for(THEO, (THEO,), lines)[1] == {"role": "user", "content": "Hello."}
