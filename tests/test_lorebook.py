"""Which entries of a lorebook are told."""

import pytest

from backend.characters import Lorebook, LoreEntry
from backend.lorebook import MAX_PHRASES, MAX_SEARCHED, told


def book(*entries, **settings):
    return Lorebook(entries, **settings)


@pytest.mark.parametrize(
    ("key", "line", "spoken_of"),
    [
        ("harbour", "Is the Harbour far?", True),
        ("art", "A part of it.", False),
        ("old clock", "the OLD CLOCK stopped", True),
        ("C++", "I write C++.", True),
        ("C++", "I write C.", False),
        ("O'Neil", "is o'neil here?", True),
        ("old clock", "the old, clock-like thing", False),
        ("東京", "今日は東京にいます", True),
        ("Ada", "今日はAdaと話す", True),
        ("철수", "철수는 어디에 있어?", True),
        ("Straße", "in der STRASSE", True),
        ("", "anything", False),
        ("  ", "anything", False),
        ("/har.*r/i", "harbour", False),
        (".*", "harbour", False),
    ],
)
def test_keys_are_words(key, line, spoken_of):
    """A key is a whole word, anywhere in scripts without spaces, in any case; never a pattern."""
    assert told(book(LoreEntry("It is so.", (key,))), [line]) == (["It is so."] if spoken_of else [])


def test_case_and_secondary_keys():
    """An entry can insist on the case, and on a second word."""
    bank = LoreEntry("of the river", ("Bank",), ("river", "water"), case_sensitive=True)
    assert told(book(bank), ["The Bank of the river"]) == ["of the river"]
    assert told(book(bank), ["The bank of the river"]) == []
    assert told(book(bank), ["The Bank is closed"]) == []


def test_only_the_newest_lines_are_searched():
    """What was spoken of long ago is no longer told; constant entries always are."""
    sea = book(LoreEntry("sea", ("sea",)), LoreEntry("always", constant=True), scan_depth=2)
    assert told(sea, ["The sea", "a", "b"]) == ["always"]
    assert told(sea, ["a", "The sea", "b"]) == ["sea", "always"]
    assert told(book(LoreEntry("sea", ("sea",)), scan_depth=0), ["sea"]) == []
    assert told(book(LoreEntry("sea", ("sea",))), ["sea" + " x" * MAX_SEARCHED]) == []


def test_the_order_is_the_entries_own():
    """Entries are told by their order, then as they stand in the book; empty ones not at all."""
    entries = (
        LoreEntry("b", order=2, constant=True),
        LoreEntry(" ", constant=True),
        LoreEntry("c", order=2, constant=True),
    )
    assert told(book(*entries, LoreEntry("a", order=-1, constant=True)), []) == ["a", "b", "c"]


def test_the_budget_goes_to_priority():
    """When not everything fits, the lowest priority is left out, then keyed entries, then those further down; and one
    that is too long leaves the others their place."""
    entries = (
        LoreEntry("keyed" * 4, ("x",)),
        LoreEntry("const" * 4, constant=True),
        LoreEntry("first" * 4, ("x",), priority=9, order=9),
        LoreEntry("long " * 400, ("x",), priority=99),
    )
    assert told(book(*entries, token_budget=5), ["x"]) == ["first" * 4]
    assert told(book(*entries, token_budget=10), ["x"]) == ["const" * 4, "first" * 4]
    assert told(book(*entries, token_budget=15), ["x"]) == ["keyed" * 4, "const" * 4, "first" * 4]
    assert told(book(*entries, token_budget=0), ["x"]) == []


def test_a_book_of_phrases_is_not_searched_for_ever():
    """A stranger's book with more phrases than anybody writes costs no more than a bounded number of searches; single
    words are told all the same."""
    many = tuple(LoreEntry("never", ("a b",)) for _ in range(MAX_PHRASES))
    late = (LoreEntry("phrase", ("b a",)), LoreEntry("word", ("a",)))
    assert told(book(*many, *late), ["b a"]) == ["word"]
    assert told(book(*many[1:], *late), ["b a"]) == ["phrase", "word"]
