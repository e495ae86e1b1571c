"""Who answers."""

import pytest

from backend.director import choose_speakers
from tests.sessions import CAST, IRIS, MARA, THEO


@pytest.mark.parametrize(
    ("text", "chosen"),
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
def test_names_decide_then_all_then_the_first(text, chosen):
    """The addressed answer in the order named, all when all are meant, else the first of the cast."""
    assert choose_speakers(text, CAST, None) == chosen


def test_talking_on_stays_with_the_last():
    """Without a name the person goes on talking with whom they talked before."""
    assert choose_speakers("And then?", CAST, IRIS) == [IRIS]


def test_one_who_left_does_not_answer():
    """A character that is no longer in the cast is not chosen."""
    assert choose_speakers("And then?", (MARA, THEO), IRIS) == [MARA]


def test_a_choice_by_hand_decides_alone():
    """Characters tapped by the person answer, whatever names the text holds."""
    assert choose_speakers("Theo is wrong", CAST, None, ("iris", "mara", "iris")) == [IRIS, MARA]
