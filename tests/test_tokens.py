"""How many tokens a text is."""

import pytest

from backend.tokens import estimated_tokens


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", 0),
        ("a", 1),
        ("four", 1),
        ("fours", 2),
        ("Größe – né", 3),
        ("海は静か", 4),
        ("바다", 2),
        ("море", 2),
        ("😀😀", 2),
    ],
)
def test_scripts_differ_in_how_much_a_token_holds(text, tokens):
    """A budget holds in every script: a Chinese text is not taken for a quarter of what it is."""
    assert estimated_tokens(text) == tokens


def test_scripts_add_up():
    """A text of several scripts is as many tokens as its parts."""
    assert estimated_tokens("four海море") == 1 + 1 + 2
