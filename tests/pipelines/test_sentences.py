"""The sentence producer: early, complete, in order."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.pipelines.sentences import SentenceProducer, produce_sentences
from tests.scripted import tokens


def release_points(text: str) -> list[tuple[str, str]]:
    """(what was written when it came, the sentence), feeding a token at a time."""
    producer, points = SentenceProducer(), []
    for token in tokens(text):
        for sentence in producer.feed(token):
            points.append((producer.written, producer.written[sentence.start : sentence.end]))
    for sentence in producer.flush():
        points.append((producer.written, producer.written[sentence.start : sentence.end]))
    return points


@pytest.mark.parametrize(
    "text",
    [
        "Sure thing. The library opens early on weekdays.",
        "Good question! The museum offers guided tours.",
        "Really? I had no idea that it was so late.",
        "The first train leaves at dawn. You can board it from platform nine.",
    ],
)
def test_the_first_sentence_comes_with_its_last_character(text):
    """No token is waited for beyond the first sentence's full stop, however short the sentence is."""
    written, sentence = release_points(text)[0]
    assert written == sentence
    assert sentence[-1] in ".!?"


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("I met Dr. Smith at 5 p.m. today. He came.", ["I met Dr. Smith at 5 p.m. today.", "He came."]),
        ("It costs 3.50 dollars at most. Buy it.", ["It costs 3.50 dollars at most.", "Buy it."]),
        ("We use version 2.0.1 of it today. Fine.", ["We use version 2.0.1 of it today.", "Fine."]),
        ("Mr. and Mrs. Jones live in the U.S. now. They like it.", None),
    ],
)
def test_abbreviations_and_numbers_are_not_split(text, sentences):
    """A full stop that does not end a sentence does not end a request to the voice."""
    found = [sentence for _, sentence in release_points(text)]
    if sentences is None:
        assert found[0].startswith("Mr. and Mrs. Jones live in the U.S.")
    else:
        assert found == sentences


def test_short_later_sentences_are_spoken_together():
    """Two-word sentences after the first are not voice requests of their own."""
    found = [sentence for _, sentence in release_points("I think that it will rain. No. Yes. Perhaps it will snow.")]
    assert found[0] == "I think that it will rain."
    assert "No." not in found


def test_code_is_not_read_aloud():
    """What stands in a fenced code block is written but never spoken, however it is cut."""
    producer = SentenceProducer()
    text = "Try this.\n```python\nprint('secret.')\nx = 1.\n```\nThat is all there is."
    found = [s for token in tokens(text) for s in producer.feed(token)] + producer.flush()
    spoken = " ".join(sentence.spoken for sentence in found)
    assert "secret" not in spoken
    assert "That is all there is." in spoken


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.sampled_from(
                ["Hello", " world", ".", "!", "?", " Dr", ".", " 3", ".", "5", "\n", '"', "*", "...", " e.g."]
            ),
            st.text(max_size=8),
        ),
        max_size=40,
    )
)
def test_sentences_cover_the_text_in_order(pieces):
    """Whatever is written is released exactly once, in order: no word is lost, doubled or moved."""
    producer, spans = SentenceProducer(), []
    for piece in pieces:
        spans += [(s.start, s.end) for s in producer.feed(piece)]
    spans += [(s.start, s.end) for s in producer.flush()]
    text = "".join(pieces)
    assert producer.written == text
    assert all(before[1] <= after[0] for before, after in pairwise(spans))
    covered = "".join(text[start:end] for start, end in spans)
    assert "".join(covered.split()) == "".join(text.split())


@pytest.mark.virtual_time
async def test_a_writer_that_pauses_does_not_hold_its_sentence_back():
    """A sentence whose end is uncertain is released when nothing follows for a moment."""
    resume = asyncio.Event()

    async def writer():
        yield "We will meet at 5 p.m."
        await resume.wait()
        yield " That suits me well."

    async with aclosing(produce_sentences(writer(), SentenceProducer())) as sentences:
        first = await anext(sentences)
        assert (first.start, first.end) == (0, 22)
        resume.set()
        assert (await anext(sentences)).spoken == "That suits me well."


@pytest.mark.virtual_time
async def test_closing_early_closes_the_writer():
    """A consumer that leaves while the writer is awaited leaves no task behind."""
    closed = asyncio.Event()

    async def writer():
        try:
            yield "We will meet at 5 p.m."
            await asyncio.Event().wait()
        finally:
            closed.set()

    pieces = writer()
    async with aclosing(pieces), aclosing(produce_sentences(pieces, SentenceProducer())) as sentences:
        await anext(sentences)
    assert closed.is_set()
