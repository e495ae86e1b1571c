"""Where in a text somebody else goes on."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.audio import sample_count
from backend.engines.fallback_voice import FallbackVoice, reached
from tests.engines import contract
from tests.scripted import RATE_HZ, ScriptedTextToSpeech

TEXT = "The harbour is quiet tonight."


@pytest.mark.parametrize(
    ("length", "rest"),
    [
        (0, TEXT),
        (3, TEXT),
        (4, "harbour is quiet tonight."),
        (10, "harbour is quiet tonight."),
        (12, "is quiet tonight."),
        (1000, "tonight."),
    ],
)
def test_the_word_that_was_begun_is_said_again(length, rest):
    """Nobody hears half a word, and something is always left to say."""
    assert TEXT[reached(TEXT, length) :] == rest


def test_signs_are_longer_than_letters():
    """A Chinese sign takes as long as three letters of English."""
    text = "你好，朋友"
    assert text[reached(text, 2)] == "你"
    assert text[reached(text, 3)] == "好"
    assert text[reached(text, 7)] == "朋"


@given(st.text(max_size=30), st.floats(0, 100))
def test_it_is_a_word_of_any_text(text, length):
    """Whatever the text: its start, or an offset where a word begins, and the further the longer."""
    offset = reached(text, length)
    assert offset == 0 or not text[offset].isspace()
    assert reached(text, length / 2) <= offset


@pytest.mark.virtual_time
async def test_marks_count_from_the_beginning_of_the_whole_text():
    """At the other rate, and never beyond the end."""
    engine = ScriptedTextToSpeech(marks=True)
    engine.sample_rate_hz = 22_050
    voice = FallbackVoice(engine, engine.open_voice("one"), RATE_HZ)
    pieces = await contract.drain(voice.finish(TEXT, 12, 500))
    marks = [mark for piece in pieces for mark in piece.marks]
    assert [TEXT[mark.offset :].split(maxsplit=1)[0] for mark in marks] == ["is", "quiet", "tonight."]
    assert [mark.sample for mark in marks] == [500 + int(offset * 960 * RATE_HZ / 22_050) for offset in (0, 3, 9)]
    assert all(piece.pcm for piece in pieces)
    assert sum(sample_count(piece.pcm) for piece in pieces) == pytest.approx(17 * 960 * RATE_HZ / 22_050, abs=2)
