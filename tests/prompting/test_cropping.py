"""Texts made to fit."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from backend.prompting.cropping import LEFT_OUT, beginning, middle_cropped
from backend.tokens import estimated_tokens

texts = st.one_of(
    st.text(max_size=400),
    st.text("ab .!?", max_size=2000),
    st.text("猫が好き。", max_size=600),
)


@given(texts, st.integers(0, 200))
def test_what_is_cropped_fits(text, tokens):
    """In any script; what fits already is left alone."""
    for cropped in (beginning(text, tokens), middle_cropped(text, tokens)):
        assert estimated_tokens(cropped) <= tokens
        assert cropped == text or estimated_tokens(text) > tokens
    assert text.startswith(beginning(text, tokens))


def test_a_beginning_ends_with_a_sentence_or_a_word():
    """No half words are told."""
    assert beginning("The sea is cold. The wind is fair.", 6) == "The sea is cold."
    assert beginning("The sea and the wind are fair", 3) == "The sea and"


def test_both_ends_stay_when_the_middle_goes():
    """What matters stands at either end of a long text."""
    cropped = middle_cropped("first " + "word " * 500 + "last", 40)
    assert cropped.startswith("first")
    assert cropped.endswith("last")
    assert LEFT_OUT in cropped
    assert estimated_tokens(cropped) > 30
