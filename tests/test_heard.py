"""Samples heard become words heard."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.heard import SpeechRate, SpokenReply, spoken_length

RATE_HZ = 1000


def spoken(*sentences: tuple[str, int]) -> tuple[str, SpokenReply]:
    """A reply of complete sentences given as (text, samples)."""
    reply = SpokenReply(RATE_HZ, SpeechRate())
    written = ""
    for text, samples in sentences:
        start = len(written) + bool(written)
        written += (" " if written else "") + text
        sentence = reply.begin_sentence(start, len(written), text)
        sentence.samples = samples
        reply.complete_sentence(sentence)
    return written, reply


def test_nothing_heard_is_no_text():
    """Memory never holds a reply of which no sample was heard."""
    written, reply = spoken(("One two three.", 3000))
    assert reply.heard_text(written, 0) == ""


def test_whole_sentences_count_whole():
    """At a sentence's last sample exactly that sentence has been heard."""
    written, reply = spoken(("One two three.", 3000), ("Four five.", 2000))
    assert reply.heard_text(written, 3000) == "One two three."
    assert reply.heard_text(written, 5000) == written


@pytest.mark.parametrize(
    ("samples", "heard"), [(100, ""), (500, "aa"), (1500, "aa bb"), (2500, "aa bb cc"), (2999, "aa bb cc dd")]
)
def test_words_are_shared_out_by_characters(samples, heard):
    """Without word marks a cut inside a sentence lands on the word its share of characters points to."""
    written, reply = spoken(("aa bb cc dd", 3000))
    assert reply.heard_text(written, samples) == heard


def test_marks_of_the_voice_decide():
    """Where the voice says when words begin, its word is taken over the estimate."""
    written, reply = spoken(("aa bb cc dd", 3000))
    reply.sentences[0].marks = [(0, 0), (3, 2600), (6, 2700), (9, 2800)]
    assert reply.heard_text(written, 2500) == "aa"
    assert reply.heard_text(written, 2790) == "aa bb cc"


def test_an_unfinished_sentence_is_estimated_from_the_voice_s_own_rate():
    """A cut while the voice is still working does not take the audio made so far for the whole sentence."""
    rate = SpeechRate()
    rate.learn("a" * 20, 2.0)
    reply = SpokenReply(RATE_HZ, rate)
    sentence = reply.begin_sentence(0, 19, "aaaa bbbb cccc dddd")
    sentence.samples = 600
    assert reply.heard_text("aaaa bbbb cccc dddd", 500) == "aaaa"


@pytest.mark.parametrize(
    "text", ["今天晚上天气很好我们一起去海边走走吧", "오늘 저녁에는 바람이 많이 불어서 밖에 나가지 않았어요"]
)
def test_syllables_take_longer_than_letters(text):
    """Before a voice is known, a second of Chinese or Korean is taken for five syllables and not for fifteen."""
    reply = SpokenReply(24_000, SpeechRate())
    sentence = reply.begin_sentence(0, len(text), text)
    sentence.samples = 24_000
    assert 4 <= len(reply.heard_text(text, 24_000).replace(" ", "")) <= 6
    sentence.samples = 96_000
    reply.complete_sentence(sentence)
    assert reply.speech_rate.characters_per_s == spoken_length(text) / 4


@given(st.lists(st.text("ab .", min_size=1, max_size=30), min_size=1, max_size=5), st.integers(0, 20_000))
def test_heard_text_is_a_prefix(texts, samples):
    """Whatever was heard is a beginning of what was written."""
    written, reply = spoken(*((text, 100 * len(text)) for text in texts))
    assert written.startswith(reply.heard_text(written, samples))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("今日は、いい天気。", ["今", "日", "は、", "い", "い", "天", "気。"]),
        ("Say 你好! now", ["Say", "你", "好!", "now"]),
        ("「はい」", ["「", "は", "い」"]),
        ("شكرا جزيلا", ["شكرا", "جزيلا"]),
    ],
)
def test_scripts_without_spaces_are_heard_sign_by_sign(text, words):
    """A cut in Chinese or Japanese falls within the sentence, not at its end."""
    written, reply = spoken((text, 1000))
    told = reply.words(written, reply.sentences[0])
    assert [written[word.start : word.end] for word in told] == words
    assert reply.heard_text(written, told[1].sample) == written[: told[1].end]


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.text("ab ,.", min_size=1), st.integers(0, 3000)), min_size=1, max_size=4),
    st.integers(0, 12000),
)
def test_words_and_heard_text_agree(sentences, samples):
    """The page, which goes by the words it is told, and the server never disagree about what was heard."""
    written, reply = spoken(*sentences)
    words = [word for sentence in reply.sentences for word in reply.words(written, sentence)]
    assert [word.sample for word in words] == sorted(word.sample for word in words)
    heard = [word.end for word in words if word.sample <= samples]
    assert reply.heard_text(written, samples) == written[: max(heard, default=0)]
