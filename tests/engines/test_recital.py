"""What is recited."""

from __future__ import annotations

from contextlib import aclosing

from backend.engines.interfaces import Generation
from backend.engines.recital import Recital


async def test_a_recital_is_the_text_word_for_word():
    """In pieces, as a language model writes, never an empty one, and whatever it is asked."""
    text = "Welcome, Ben.\n\n*smiles*  Sit down."
    async with aclosing(Recital(text).stream([], Generation(max_tokens=1))) as written:
        pieces = [piece async for piece in written]
    assert "".join(pieces) == text
    assert len(pieces) == 5
    assert all(pieces)
