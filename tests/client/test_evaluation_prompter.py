"""What the ideal recogniser is told: the words said so far, and none that were not."""

from __future__ import annotations

from backend.client.evaluation.corpus import Item, Pause
from backend.client.evaluation.prompter import Prompter, Script, words

ITEM = Item(1, "pauses", "clean", ("I like", "green tea."), b"\0\0" * 1000, (Pause("clause", 400, 600),))


def test_words_end_where_their_part_of_the_sentence_ends():
    """At a pause exactly the words before it are known: that is what an end of turn is judged by."""
    assert words(ITEM) == [("I", 80), ("like", 400), ("green", 822), ("tea", 1000)]


def test_only_what_was_said_is_known():
    """A recogniser that is ahead of the voice would make every rule look good."""
    spoken = [0]
    script = Script(words(ITEM), lambda: spoken[0])
    heard = []
    for spoken[0] in (0, 79, 80, 399, 400, 599, 999, 1000, 5000):
        heard.append(script.said())
    assert heard == ["", "", "I", "I", "I like", "I like", "I like green", "I like green tea", "I like green tea"]
    assert script.said(delay=4900) == "I"


def test_an_utterance_goes_on_where_the_last_one_ended():
    """When a turn was decided in a pause, what follows is an utterance of its own."""
    spoken = [500]
    script = Script(words(ITEM), lambda: spoken[0])
    assert script.take() == "I like"
    assert script.said() == ""
    spoken[0] = 1000
    assert script.take() == "green tea"


def test_what_ends_late_takes_no_words_of_the_next_item():
    """One person says many items, and the last utterance of one may be over when the next has begun."""
    prompter = Prompter()
    prompter.follow(ITEM, lambda: 1000)
    earlier = prompter.script
    prompter.follow(ITEM, lambda: 1000)
    earlier.take()
    assert prompter.script.said() == "I like green tea"
