"""Which lines there is room for."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from backend.prompting.window import BLOCKS, left_out

ROOM = 400
lines = st.lists(st.integers(1, ROOM // 2), min_size=1, max_size=120)


@given(lines)
def test_what_stays_fits_and_is_not_little(tokens):
    """The newest always stays, and no more than a block and a line are given away at once."""
    out = left_out(tokens, ROOM)
    kept = sum(tokens[out:])
    assert kept <= ROOM
    assert out < len(tokens)
    if out:
        assert kept >= ROOM - ROOM // BLOCKS - max(tokens) - 1


@given(lines)
def test_lines_go_in_blocks(tokens):
    """As a conversation grows, the first line shown changes at most once for a block of tokens."""
    firsts = [left_out(tokens[:count], ROOM) for count in range(1, len(tokens) + 1)]
    assert firsts == sorted(firsts)
    assert len(set(firsts)) - 1 <= sum(tokens) // (ROOM // BLOCKS) + 1
