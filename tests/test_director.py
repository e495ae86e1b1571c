"""Who speaks next."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from random import Random

import pytest

from backend.director import choose_next, choose_speakers
from backend.events import Outcome
from backend.lines import ReplyLine
from tests.sessions import CAST, IRIS, MARA, THEO

QUIET, CHATTY = replace(THEO, talkativeness=0.2), replace(IRIS, talkativeness=0.8)
LIVELY = (MARA, QUIET, CHATTY)


def chosen(text, cast=CAST, **known):
    return choose_speakers(text, cast, known.pop("chance", None) or Random(1), **known)


def said(character, text: str) -> ReplyLine:
    """A reply that was heard."""
    return ReplyLine(character, text=text, heard_text=text, outcome=Outcome.COMPLETED)


@pytest.mark.parametrize(
    ("text", "speakers"),
    [
        ("Theo, what is this?", [THEO]),
        ("what do you think iris", [IRIS]),
        ("Iris and Mara, hello.", [IRIS, MARA]),
        ("Hello everyone!", [MARA, THEO, IRIS]),
        ("what do you two think", [MARA, THEO, IRIS]),
        ("All of you, listen.", [MARA, THEO, IRIS]),
        ("The marathon was theoretical.", [MARA]),
        ("Anything?", [MARA]),
    ],
)
def test_names_decide_then_all_then_the_first(text, speakers):
    """The addressed answer in the order named, all when all are meant, else, where nobody is talkative, the first."""
    assert chosen(text) == speakers


def test_each_rule_gives_way_to_those_above_it():
    """By hand, by name, everybody, asked, talked with, drawn: in that order."""
    rules = {"to": ("mara",), "heard": said(MARA, "Theo, is it?"), "last": IRIS}
    loud = (MARA, THEO, replace(IRIS, talkativeness=1.0))
    assert chosen("Iris, hear everybody.", **rules) == [MARA]
    del rules["to"]
    assert chosen("Iris, hear everybody.", **rules) == [IRIS]
    assert chosen("Hear this, everybody.", **rules) == [MARA, THEO, IRIS]
    assert chosen("Hear this.", **rules) == [THEO]
    assert chosen("Hear this.", last=THEO) == [THEO]
    assert chosen("Hear this.", loud)[0].id == "iris"


def test_talking_on_stays_with_the_last():
    """Without a name the person goes on talking with whom they talked before."""
    assert chosen("And then?", last=IRIS) == [IRIS]


def test_one_who_left_does_not_answer():
    """A character that is no longer in the cast is not chosen, even where it was asked."""
    assert chosen("And then?", (MARA, THEO), last=IRIS) == [MARA]
    assert chosen("And then?", (MARA, THEO), heard=said(MARA, "Iris?"), last=THEO) == [THEO]


def test_a_choice_by_hand_decides_alone():
    """Characters tapped by the person answer, whatever names the text holds."""
    assert chosen("Theo is wrong", to=("iris", "mara", "iris")) == [IRIS, MARA]


@pytest.mark.parametrize(
    ("heard", "speaker"),
    [
        ("Theo, what would you do?", THEO),
        ('I wonder. "What would Theo do?"', THEO),
        ("Iris, or Theo, would you?", IRIS),
        ("Theo told me so.", MARA),
        ("Theo told me so. Shall we go?", MARA),
        ("Would you, Theo? I would.", MARA),
        ("Would Mara?", MARA),
    ],
)
def test_whom_a_character_asked_answers(heard, speaker):
    """The question has to stand at the end and name somebody else; else it is whom the person talked with."""
    assert chosen("Yes, tell us.", heard=said(MARA, heard), last=MARA) == [speaker]


def test_a_question_that_was_not_heard_asks_nobody():
    """The person cut in before it."""
    cut = ReplyLine(MARA, text="Well. Theo, would you?", heard_text="Well.", outcome=Outcome.INTERRUPTED)
    assert chosen("And?", heard=cut, last=MARA) == [MARA]


def test_the_talkative_are_drawn_more_often():
    """Where nothing else decides, in proportion; who is not talkative is not drawn."""
    drawn = Counter(chosen("Well?", LIVELY, chance=Random(seed))[0].id for seed in range(1000))
    assert drawn["iris"] / drawn["theo"] == pytest.approx(4, rel=0.25)
    assert drawn["mara"] == 0


def test_others_join_in_where_nobody_in_particular_was_addressed():
    """Each as likely as it is talkative, after the first, in scene order; never where somebody was named or tapped."""
    turns = [chosen("Well?", LIVELY, last=MARA, chance=Random(seed)) for seed in range(1000)]
    joined = Counter(character.id for turn in turns for character in turn[1:])
    assert all(turn[0] is MARA for turn in turns)
    assert joined["theo"] == pytest.approx(200, rel=0.25)
    assert joined["iris"] == pytest.approx(800, rel=0.1)
    assert max(turns, key=len) == [MARA, QUIET, CHATTY]
    sure = tuple(replace(character, talkativeness=1.0) for character in CAST)
    assert [c.id for c in chosen("Theo?", sure)] == ["theo"]
    assert [c.id for c in chosen("Well?", sure, to=("iris",))] == ["iris"]


def test_a_draw_can_be_made_again():
    """The same seed, the same choice."""
    for seed in range(20):
        assert chosen("Well?", LIVELY, chance=Random(seed)) == chosen("Well?", LIVELY, chance=Random(seed))


@pytest.mark.parametrize(
    ("text", "speaker"),
    [
        ("Theo is right. Iris, would you?", IRIS),
        ("Theo is right, and Iris knows.", THEO),
        ("Iris knows. Would I?", IRIS),
        ("So be it.", THEO),
        ("I am Mara. Am I Mara?", THEO),
    ],
)
def test_they_go_on_with_whom_is_asked_or_named(text, speaker):
    """Else with the next in scene order, where nobody is talkative; never with who has just spoken."""
    assert choose_next(said(MARA, text), CAST, Random(1)) == speaker


def test_nobody_is_passed_over_for_ever():
    """Where nothing decides, everybody has a turn."""
    spoke = [IRIS]
    for _ in range(3):
        spoke.append(choose_next(said(spoke[-1], "Hm."), CAST, Random(1)))
    assert spoke == [IRIS, MARA, THEO, IRIS]


def test_the_talkative_go_on_more_often():
    """A draw among the others; who has just spoken is not among them."""
    drawn = Counter(choose_next(said(MARA, "Hm."), LIVELY, Random(seed)).id for seed in range(1000))
    assert drawn["iris"] / drawn["theo"] == pytest.approx(4, rel=0.25)
    assert choose_next(said(CHATTY, "Hm."), LIVELY, Random(1)) == QUIET


def test_nobody_goes_on_alone_or_from_nothing():
    """One character has nobody to talk to, and silence is no line."""
    assert choose_next(said(MARA, "Hm."), (MARA,), Random(1)) is None
    assert choose_next(said(MARA, " "), CAST, Random(1)) is None
