"""Written text as the model reads it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boson_multimodal.text_normalization import normalize


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("你好，世界。", "你好, 世界."),
        ("“真的？”", '"真的?"'),
        ("It’s late…", "It's late..."),
        ("Wait—what！", "Wait-what!"),
        ("一、二；三：四", "一,二;三:四."),
    ],
)
def test_full_width_punctuation_becomes_half_width(text, spoken):
    """The marks are those the model was trained with."""
    assert normalize(text) == spoken


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("It is 70°F (or 21 °C) today", "It is 70 degrees Fahrenheit or 21 degrees Celsius today."),
        ("（aside）Go!", "aside Go!"),
    ],
)
def test_brackets_and_degrees_become_words(text, spoken):
    """No bracket or unit sign that would be guessed at is left."""
    assert normalize(text) == spoken


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("That is funny [laugh]", "That is funny <SE>[Laughter]</SE>"),
        ("[humming start] la la [humming end]", "<SE_s>[Humming]</SE_s> la la <SE_e>[Humming]</SE_e>"),
        ("[sing start]oh[sing end]", "<SE_s>[Singing]</SE_s>oh<SE_e>[Singing]</SE_e>"),
        ("[music start]\n[music end]", "<SE_s>[Music]</SE_s>\n<SE_e>[Music]</SE_e>"),
        ("[music] [applause] [cheering] [cough]",
         "<SE>[Music]</SE> <SE>[Applause]</SE> <SE>[Cheering]</SE> <SE>[Cough]</SE>"),
        ("【laugh】", "<SE>[Laughter]</SE>"),
        ("[SPEAKER0] Hi [door slams]", "[SPEAKER0] Hi [door slams]."),
    ],
)  # fmt: skip
def test_event_tags_take_their_trained_form(text, spoken):
    """Known events are made to sound; speaker tags and unknown ones are left as they are."""
    assert normalize(text) == spoken


@pytest.mark.parametrize("end", [".", "!", "?", ",", ";", '"', "'", "</SE>", "</SE_e>"])
def test_a_closed_text_gets_no_second_full_stop(end):
    """A mark at the end is kept as the only one."""
    assert normalize(f"Go on{end}") == f"Go on{end}"


@pytest.mark.parametrize("text", ["", "  \n\t ", "()", "（ ）"])
def test_nothing_to_say_stays_nothing(text):
    """No lone full stop is spoken for an empty text."""
    assert normalize(text) == ""


def test_lines_stay_and_empty_ones_go():
    """Turns keep their lines; space within them is single."""
    assert normalize(" [SPEAKER0]  Hi. \r\n\n \n[SPEAKER1]\tYo. ") == "[SPEAKER0] Hi.\n[SPEAKER1] Yo."


@given(st.text() | st.text(alphabet="[]()（） °FC。,.\nlaughmusic stred"))
def test_normalising_twice_changes_nothing_more(text):
    """A text that passes two layers which both normalise is spoken the same."""
    once = normalize(text)
    assert normalize(once) == once
