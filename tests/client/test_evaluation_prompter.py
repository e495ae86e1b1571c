"""What the ideal recogniser is told: the words said so far, and none that were not."""

from __future__ import annotations

from backend.client.evaluation.corpus import Item, Pause
from backend.client.evaluation.prompter import Prompter, words

ITEM = Item(1, "pauses", "clean", ("I like", "green tea."), b"\0\0" * 1000, (Pause("clause", 400, 600),))


def test_words_end_where_their_part_of_the_sentence_ends():
    """At a pause exactly the words before it are known: that is what an end of turn is judged by."""
    assert words(ITEM) == [("I", 80), ("like", 400), ("green", 822), ("tea", 1000)]


def test_only_what_was_said_is_known():
    """A recogniser that is ahead of the voice would make every rule look good."""
    prompter, spoken = Prompter(), [0]
    prompter.follow(ITEM, lambda: spoken[0])
    heard = []
    for spoken[0] in (0, 79, 80, 399, 400, 599, 999, 1000, 5000):
        heard.append(prompter.said())
    assert heard == ["", "", "I", "I", "I like", "I like", "I like green", "I like green tea", "I like green tea"]
    assert prompter.said(delay=4900) == "I"


def test_an_utterance_goes_on_where_the_last_one_ended():
    """When a turn was decided in a pause, what follows is an utterance of its own."""
    prompter = Prompter()
    prompter.follow(ITEM, lambda: 500)
    assert prompter.take() == "I like"
    assert prompter.said() == ""
    prompter._spoken = lambda: 1000
    assert prompter.take() == "green tea"


def test_a_new_item_begins_from_its_first_word():
    """One person says many items; the words of one are not those of the next."""
    prompter = Prompter()
    prompter.follow(ITEM, lambda: 1000)
    prompter.take()
    prompter.follow(ITEM, lambda: 1000)
    assert prompter.said() == "I like green tea"
