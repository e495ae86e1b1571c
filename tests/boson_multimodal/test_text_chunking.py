"""Where a long text is cut, and that nothing of it is lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boson_multimodal.text_chunking import chunk_text, count_words

PARTS = [
    *("The", "cat", "sat", "Dr. Who", "3.50", "e.g.", "ok,", "well;", "so:", "End.", "Why?", "No!", '"Yes."', "—"),
    *("你好，", "世界。", "か", "[SPEAKER0]", "[SPEAKER12]", "[humming start]", "[", "]"),
    *(" ", "  ", "\n", "\n\n", "\r\n \n", "\u3000"),
]
WRITTEN = st.lists(st.sampled_from(PARTS)).map(" ".join)
TEXTS = st.text() | WRITTEN | WRITTEN.map(lambda text: text.replace(" ", ""))
METHODS = st.sampled_from(["sentence", "word", "speaker"])


def bare(text: str) -> str:
    return "".join(text.split())


@given(TEXTS, METHODS, st.integers(1, 12), st.integers(1, 3))
def test_no_text_is_lost(text, method, max_words, max_turns):
    """Every character is spoken once and in order, whatever is cut where; no chunk is empty or has space around it."""
    chunks = chunk_text(text, method, max_words=max_words, max_turns=max_turns)
    assert bare("".join(chunks)) == bare(text)
    assert all(chunk and chunk == chunk.strip() for chunk in chunks)


@given(TEXTS, st.sampled_from(["sentence", "word"]), st.integers(1, 12))
def test_no_chunk_is_longer_than_the_limit(text, method, max_words):
    """A chunk never needs more positions than were planned for."""
    assert all(count_words(chunk) <= max_words for chunk in chunk_text(text, method, max_words=max_words))


def test_sentences_are_cut_at_their_ends_only():
    """Abbreviations and decimals do not end a chunk, in any script's punctuation."""
    text = "Dr. Smith paid 3.50 dollars. Really?  Yes!\n\n你好。世界！"
    assert chunk_text(text, "sentence") == ["Dr. Smith paid 3.50 dollars.", "Really?", "Yes!", "你好。", "世界！"]


def test_words_fill_up_with_whole_sentences():
    """A sentence that would not fit whole opens the next chunk."""
    text = "One two three. Four five. Six seven eight nine. Ten."
    assert chunk_text(text, "word", max_words=6) == ["One two three. Four five.", "Six seven eight nine. Ten."]


def test_a_long_sentence_is_cut_at_its_clauses():
    """A pause is made where a comma is, not within a phrase."""
    text = "When the long rain ended, we went out; the street was wet."
    assert chunk_text(text, "word", max_words=6) == ["When the long rain ended,", "we went out;", "the street was wet."]
    assert chunk_text(text, "sentence", max_words=6) == chunk_text(text, "word", max_words=6)


def test_a_long_clause_is_cut_between_words():
    """Text without any mark still respects the limit, and what is left over is filled up with the next sentence."""
    assert chunk_text("a b c d e f g. H i.", "word", max_words=3) == ["a b c", "d e f", "g. H i."]


def test_chinese_is_counted_and_cut_by_characters():
    """A script without spaces is not one endless word, and a mark is not parted from its character."""
    assert count_words("你好，世界。") == 4
    assert chunk_text("你好，世界。", "word", max_words=2) == ["你好，", "世界。"]
    assert chunk_text("一二三四五。", "word", max_words=2) == ["一二", "三四", "五。"]


def test_words_do_not_cross_an_empty_line():
    """A paragraph begins with a breath of its own."""
    assert chunk_text("Title\n \nText here.", "word") == ["Title", "Text here."]


def test_an_event_tag_is_one_word():
    """A tag with a space in it is never torn apart and read out."""
    assert chunk_text("[humming start] la [humming end]", "word", max_words=1) == [
        "[humming start]",
        "la",
        "[humming end]",
    ]


def test_a_turn_begins_at_each_speaker_tag():
    """Tags open a turn at the start of a line and within one; lines without a tag go on with the turn."""
    text = "Prologue.\n[SPEAKER0] Hi.\nHow are you? [SPEAKER1] Fine.\n\n[SPEAKER0] Good."
    turns = ["Prologue.", "[SPEAKER0] Hi.\nHow are you?", "[SPEAKER1] Fine.", "[SPEAKER0] Good."]
    assert chunk_text(text, "speaker") == turns
    assert chunk_text(text, "speaker", max_turns=3) == ["Prologue.\n" + turns[1] + " " + turns[2], turns[3]]


def test_lines_are_turns_where_there_are_no_tags():
    """A plain script with a line a turn is chunked as well; blank lines are no turns and are left out."""
    assert chunk_text("Hi.\n\nYo.\nBye.", "speaker", max_turns=2) == ["Hi.\nYo.", "Bye."]


@pytest.mark.parametrize("method", ["sentence", "word", "speaker"])
def test_a_blank_text_has_no_chunks(method):
    """Nothing is asked of the model for nothing."""
    assert chunk_text(" \n\n ", method) == []


def test_wrong_arguments_are_refused():
    """A misspelt method or an impossible limit is named, not guessed at."""
    with pytest.raises(ValueError, match="'line'"):
        chunk_text("Hi.", "line")
    for limits in ({"max_words": 0}, {"max_turns": 0}):
        with pytest.raises(ValueError, match="at least one"):
            chunk_text("Hi.", "word", **limits)
