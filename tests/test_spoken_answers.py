"""Answers are kept for an hour, within bounds."""

from backend.spoken_answers import KEPT_S, SpokenAnswer, SpokenAnswers


class Clock:
    now = 1000.5

    def __call__(self):
        return self.now


def test_an_answer_is_found_until_it_expires():
    """The time that clients are told is the time that holds."""
    clock = Clock()
    answers = SpokenAnswers(clock)
    kept = answers.keep("a", "Hello.", "nora")
    assert kept == SpokenAnswer("Hello.", 1000 + KEPT_S, "nora")
    clock.now = kept.expires_at - 0.1
    assert answers.find("a") == kept
    clock.now = kept.expires_at
    assert answers.find("a") is None
    assert answers.find("b") is None


def test_the_oldest_go_first():
    """Neither many answers nor long ones fill the memory."""
    answers = SpokenAnswers(Clock(), most=3, most_bytes=10)
    for name in "abcd":
        answers.keep(name, name)
    assert [name for name in "abcd" if answers.find(name)] == ["b", "c", "d"]
    answers.keep("e", "é" * 4)
    assert [name for name in "abcde" if answers.find(name)] == ["c", "d", "e"]
    answers.keep("g", "x" * 7)
    assert [name for name in "cdeg" if answers.find(name)] == ["g"]
    answers.keep("f", "x" * 11)
    assert not any(answers.find(name) for name in "abcdefg")


def test_what_has_expired_makes_room():
    """An expired answer takes no place from one that still counts."""
    clock = Clock()
    answers = SpokenAnswers(clock, most_bytes=4)
    answers.keep("a", "old")
    clock.now += KEPT_S
    answers.keep("b", "new")
    assert (answers.find("a"), answers.find("b").transcript) == (None, "new")
    answers.keep("c", "x")
    assert answers.find("b")
