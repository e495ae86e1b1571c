"""Long texts in pieces."""

from __future__ import annotations

from backend.engines.text_chunks import text_chunks


def test_by_words_and_by_turns():
    """The limits given are those that hold."""
    assert text_chunks("One two. Three four. Five.", "word", 4, 1) == ["One two. Three four.", "Five."]
    script = "[SPEAKER0] Hi. [SPEAKER1] Ho. [SPEAKER0] Bye."
    assert text_chunks(script, "speaker", 1, 2) == ["[SPEAKER0] Hi. [SPEAKER1] Ho.", "[SPEAKER0] Bye."]
