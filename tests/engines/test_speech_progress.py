"""How far a text has been spoken, and where another one goes on."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.audio import sample_count
from backend.engines.interfaces import WordMark
from backend.engines.patience import Ear
from backend.engines.speech_progress import CERTAIN, SpeechProgress, reached
from backend.heard import SpeechRate
from tests.speech_servers import RATE_HZ, speech_of

TEXT = "The harbour is quiet tonight."
LONG_TEXT = "The harbour is quiet tonight, and the tide turns at four in the morning."


def progress(text: str = LONG_TEXT, characters_per_s: float = 25.0) -> SpeechProgress:
    """Of a voice that is known to speak so fast."""
    begun = SpeechProgress(text, SpeechRate(characters_per_s), Ear(RATE_HZ, lambda: 50.0), joins=True)
    begun.next_take()
    return begun


def seconds(pcm: bytes, length_s: float) -> bytes:
    return pcm[: 2 * int(length_s * RATE_HZ)]


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


def test_signs_by_themselves_are_no_words():
    """Nobody can say them, and a server that is asked to has nothing to answer."""
    text = "Well — so it is … —"
    assert text[reached(text, 6) :] == text
    assert text[reached(text, 100) :] == "is … —"


@given(st.text(max_size=30), st.floats(0, 100))
def test_it_is_a_word_of_any_text(text, length):
    """Whatever the text: its start, or an offset where a word begins, and the further the longer."""
    offset = reached(text, length)
    assert offset == 0 or not text[offset].isspace()
    assert reached(text, length / 2) <= offset


def test_the_rest_is_asked_for_from_the_word_that_was_reached():
    """What was heard is faded out, and it is marked where the rest is heard; a word is rather said twice."""
    begun, speech = progress(), speech_of(LONG_TEXT)
    heard = begun.feed(seconds(speech, 1.0)).pcm
    offset = begun.next_word
    assert LONG_TEXT[offset:] == "tonight, and the tide turns at four in the morning."
    assert offset <= CERTAIN * 25 < offset + len("tonight, ")
    heard += begun.go_on_from(offset).pcm
    assert sample_count(heard) == begun.passed == RATE_HZ
    assert begun.left == LONG_TEXT[offset:]
    assert begun.position_s == 0
    begun.next_take()
    first, second = begun.feed(seconds(speech, 0.5)), begun.feed(seconds(speech, 0.5))
    assert first.marks == (WordMark(offset, RATE_HZ),)
    assert second.marks == ()


def test_of_a_voice_that_has_not_spoken_yet_little_is_counted_on():
    """One that speaks a quarter slower than others loses no word either."""
    begun = SpeechProgress(LONG_TEXT, None, Ear(RATE_HZ, lambda: 50.0), joins=True)
    begun.next_take()
    begun.feed(seconds(speech_of(LONG_TEXT * 3), 4.0))
    assert len("The harbour is quiet tonight, ") < begun.next_word <= 4.0 * 0.75 * 15


def test_it_may_be_taken_over_more_than_once():
    """Offsets count from the beginning of the whole text."""
    begun, speech = progress(), speech_of(LONG_TEXT)
    offsets = [0]
    for _ in range(3):
        begun.feed(seconds(speech, 0.8))
        offsets.append(begun.next_word)
        begun.go_on_from(offsets[-1])
        begun.next_take()
        assert begun.left == LONG_TEXT[offsets[-1] :]
    assert offsets == sorted(set(offsets))


@pytest.mark.parametrize(("share", "breaks_off"), [(0.0, True), (0.4, True), (0.6, False), (1.0, False), (1.5, False)])
def test_an_answer_that_ends_long_before_its_text_is_doubted(share, breaks_off):
    """It ended as if it were complete; voices differ, but none says half a sentence more at once."""
    begun = progress()
    begun.feed(speech_of(LONG_TEXT * 2)[: int(share * len(speech_of(LONG_TEXT))) // 2 * 2])
    assert begun.breaks_off() is breaks_off


def test_a_short_text_is_not_doubted():
    """Nobody knows how long a word or two take."""
    begun = progress("Hm, well, perhaps.")
    begun.feed(seconds(speech_of(TEXT), 0.1))
    assert not begun.breaks_off()


@pytest.mark.parametrize(("second_s", "breaks_off"), [(0.9, False), (1.0, False), (1.2, False), (1.4, True)])
def test_what_two_servers_say_is_believed(second_s, breaks_off):
    """A text that takes less time than others is not asked for again and again."""
    begun, speech = progress(), speech_of(LONG_TEXT)
    begun.feed(seconds(speech, 1.0))
    assert begun.breaks_off()
    begun.next_take()
    begun.feed(seconds(speech, second_s))
    assert begun.breaks_off() is breaks_off
