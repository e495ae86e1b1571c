"""Calls of functions in what the model writes."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boson_multimodal.raw_tool_calls import MOST_CHARACTERS, RawToolCall, RawToolCalls

LOOK = '<tool_call>function\nlook\n{"at": "sky"}</tool_call>'
TEXT = f"One moment.<b> < {LOOK}{LOOK.replace('look', 'go')} <tool_call>none</tool_call> a <tool_cal"


def taken(*pieces: str) -> list:
    """Texts joined where they touch, and (name, arguments) of the calls."""
    calls, out = RawToolCalls(), []
    for part in [*(part for piece in pieces for part in calls.feed(piece)), *calls.finish()]:
        if isinstance(part, RawToolCall):
            out.append((part.name, part.arguments))
        elif out and isinstance(out[-1], str):
            out[-1] += part
        else:
            out.append(part)
    return out


WHOLE = ["One moment.<b> < ", ("look", '{"at": "sky"}'), ("go", '{"at": "sky"}')]


def test_calls_are_taken_out_and_the_rest_stays():
    """Text around calls is text, and so is what only looks like one."""
    assert taken(TEXT) == [*WHOLE, " <tool_call>none</tool_call> a <tool_cal"]


@given(st.lists(st.integers(0, len(TEXT)), max_size=40))
def test_wherever_it_is_cut_it_is_the_same(places):
    """Pieces of any size say what the whole says."""
    edges = [0, *sorted(places), len(TEXT)]
    assert taken(*(TEXT[start:end] for start, end in pairwise(edges))) == taken(TEXT)


@pytest.mark.parametrize(
    "inner",
    [
        "",
        "function",
        "function\n\n{}",
        "look\n{}",
        "function\nlook\n{broken",
        "function\nlook\n[1]",
        "function\nlook\n" + "[" * 9999,
    ],
)
def test_what_is_no_call_is_shown(inner):
    """Nothing the model wrote is lost."""
    text = f"<tool_call>{inner}</tool_call>"
    assert taken(text) == [text]


def test_a_call_without_arguments_has_none():
    """JSON all the same."""
    assert taken("<tool_call>function\nlook</tool_call>") == [("look", "{}")]


def test_a_call_that_never_ends_is_text():
    """It holds back no more than a bounded text."""
    endless = "<tool_call>function\n" + "x" * (2 * MOST_CHARACTERS)
    assert taken(*(endless[at : at + 7] for at in range(0, len(endless), 7))) == [endless]
    assert len("".join(RawToolCalls().feed(endless))) == len(endless)


def test_prose_about_calls_is_not_held_back():
    """What cannot become a call is known at once."""
    calls = RawToolCalls()
    assert "".join(calls.feed("Write <tool_call> to ")) == "Write <tool_call> to "
    assert "".join(calls.feed("call.")) == "call."


def test_a_call_that_was_cut_off():
    """Whole arguments are a call, whether or not its end was written; half of them are nothing that anybody reads."""
    assert taken("Hm. <tool_call>function\nlook\n{}") == ["Hm. ", ("look", "{}")]
    assert taken('Hm. <tool_call>function\nlook\n{"at": "se') == ["Hm. "]
    assert taken("<tool_call>function\nlo") == [("lo", "{}")]
    assert taken("Hm. <tool_call>func") == ["Hm. <tool_call>func"]


def test_every_call_has_an_id_of_its_own():
    """Clients answer a call by its id."""
    calls = [part for part in RawToolCalls().feed(LOOK * 2) if isinstance(part, RawToolCall)]
    assert len({call.id for call in calls}) == 2
    assert all(json.loads(call.arguments) == {"at": "sky"} for call in calls)
