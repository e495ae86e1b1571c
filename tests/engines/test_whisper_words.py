"""Words, and on which of them two decodings agree."""

from __future__ import annotations

from random import Random

import pytest

from backend.engines.whisper_words import Agreement, Word, join, split, split_timed, text_of

SENTENCE = "we are going to the beach this afternoon because the sun is out and nobody has to work"
SPEECH = SENTENCE.split()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (" Hello, twenty-five people!", [" Hello,", " twenty-five", " people!"]),
        ("你好，世界。", ["你", "好，", "世", "界。"]),
        (" ich heiße\n Ada", [" ich", " heiße", "\n Ada"]),
        ("", []),
    ],
)
def test_words_together_are_the_text(text, words):
    """Splitting loses nothing, so a transcript is spaced as the model wrote it."""
    assert [word.text for word in split(text)] == words
    assert text_of(split(text)) == text


def test_times_are_known_at_the_edges_of_pieces():
    """Whisper times pieces of words; a word takes the time of the piece it begins and of the one it ends with."""
    pieces = [(" twenty", 0.0, 0.4), ("-five", 0.4, 0.8), (" 世界", 0.8, 1.2)]
    assert split_timed(pieces) == [
        Word(" twenty-five", 0.0, 0.8),
        Word(" 世", 0.8, None),
        Word("界", None, 1.2),
    ]


@pytest.mark.parametrize(
    ("left", "right", "whole"),
    [
        ("one", "two", "one two"),
        ("one", " two", "one two"),
        ("", " two", "two"),
        ("one", "", "one"),
        ("你好，", "世界", "你好，世界"),
    ],
)
def test_texts_are_joined_as_their_script_is_written(left, right, whole):
    """Between two parts of an utterance there is a space exactly where the script has one."""
    assert join(left, right) == whole


def agreed(*decodings: str) -> list[str]:
    """The partial transcripts of these decodings."""
    agreement, texts = Agreement(), []
    for text in decodings:
        agreement.update(split(text))
        texts.append(agreement.text)
    return texts


def test_what_two_decodings_say_stays():
    """A word that two decodings agreed on is never taken back, whatever later ones say; the rest is the newest."""
    assert agreed(
        " We are going",
        " We are going to the peach",
        " We were going to the beach",
        " Me are doing to the beach this",
        " Oh",
        " We are going to the beach this afternoon",
    ) == [
        "We are going",
        "We are going to the peach",
        "We are going to the beach",
        "We are going to the beach this",
        "We are going to the beach",
        "We are going to the beach this afternoon",
    ]


def test_case_and_punctuation_do_not_count():
    """Full stops come and go while somebody speaks; they do not keep a word from being confirmed."""
    assert agreed(" Hello there.", " hello, there, you", " Hello! There you are")[-1] == "hello, there, you are"


def test_a_word_more_or_less_shifts_nothing():
    """When a confirmed word is later read as two, or left out, what follows is neither doubled nor lost."""
    assert agreed(" an icecream please", " an icecream please", " an ice cream please now")[-1] == (
        "an icecream please now"
    )
    assert agreed(" so well I think", " so well I think", " so I think it is")[-1] == "so well I think it is"


@pytest.mark.parametrize("seed", range(20))
def test_flicker_never_reaches_what_is_confirmed(seed):
    """Over any flicker of the last two words, and of case and points anywhere, no confirmed word ever changes."""
    random, agreement, confirmed = Random(seed), Agreement(), ""
    for length in range(1, len(SPEECH) + 1):
        words = [random.choice((word, word.title(), f"{word},")) for word in SPEECH[:length]]
        words[-2:] = random.choices((f"um{length}", f"the{length}", *words[-2:]), k=random.randrange(4))
        agreement.update(split("".join(f" {word}" for word in words)))
        assert agreement.text.startswith(confirmed)
        confirmed = " ".join(agreement.text.split()[: max(0, length - 3)])
        assert [word.key for word in split(confirmed)] == SPEECH[: len(confirmed.split())]
    assert len(confirmed.split()) == len(SPEECH) - 3


def test_boundaries_lie_between_confirmed_words():
    """Audio is cut only behind a word that is confirmed, at times of the newest decoding."""

    def decoding(*words: str, shift_s: float) -> list[Word]:
        return [Word(f" {word}", index + shift_s, index + shift_s + 0.75) for index, word in enumerate(words)]

    agreement = Agreement()
    agreement.update(decoding("one", "two", "tree", shift_s=0.0))
    assert list(agreement.boundaries()) == []
    agreement.update(decoding("one", "two", "three", "for", shift_s=0.5))
    assert list(agreement.boundaries()) == [(1, 1.25, 1.5), (2, 2.25, 2.5)]
    assert agreement.drop(1) == " one"
    agreement.update(decoding("two", "three", shift_s=0.25))
    assert list(agreement.boundaries()) == [(1, 1.0, 1.25)]
    agreement.update(decoding("three", shift_s=0.0))
    assert list(agreement.boundaries()) == []


def test_closing_keeps_what_is_confirmed():
    """Audio that is cut off without a confirmed boundary still says what was confirmed in it."""
    agreement = Agreement()
    agreement.update(split(" we are going"))
    agreement.update(split(" we are gone"))
    assert agreement.close(split(" We were going home")) == "we are going home"
    assert agreement.text == ""
