"""JSON from strangers."""

import pytest

from backend.cleaning import MAX_DEPTH, clean_text, cleaned, parsed


def test_texts_are_whole():
    """No NUL and no half of a character is left, wherever it stands; whole ones stay, also in two halves."""
    assert clean_text("a\0b\ud83d\ude00\ud83d") == "ab😀\ufffd"
    assert cleaned({"k\0": ["\udc00", {"x": "y\0"}]}) == {"k": ["\ufffd", {"x": "y"}]}


def test_what_is_right_stays_as_it_is():
    """Values of every kind come through."""
    value = {"a": [1, -2.5, True, None, "é😀", {}, []], "b": 10**30}
    assert cleaned(value) == value
    assert parsed(b"\xef\xbb\xbf" + b'{"a": [1, 2]}') == {"a": [1, 2]}


@pytest.mark.parametrize("value", [float("nan"), [float("inf")], {"x": -float("inf")}])
def test_numbers_are_finite(value):
    """What no JSON can say is not kept."""
    with pytest.raises(ValueError, match="finite"):
        cleaned(value)


def test_depth_is_bounded():
    """As deep as it may be is kept; one deeper is refused."""
    deepest = [None]
    for _ in range(MAX_DEPTH - 1):
        deepest = [deepest]
    assert cleaned(deepest) == deepest
    with pytest.raises(ValueError, match="deep"):
        cleaned([deepest])


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"", "no JSON"),
        (b"{", "no JSON"),
        (b"\xff", "UTF-8"),
        (b"[" * 100_000, "deep"),
        (b"[NaN]", "finite"),
        (b"[1e999]", "finite"),
        (b"[" + b"1," * 500_000 + b"1]", "values"),
    ],
)
def test_what_cannot_be_read_is_said(text, reason):
    """Every text that is no JSON to keep is told in words."""
    with pytest.raises(ValueError, match=reason):
        parsed(text)
