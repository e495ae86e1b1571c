"""Long texts in pieces, as the voice models' own package cuts them."""

from __future__ import annotations

from typing import Literal


def text_chunks(text: str, method: Literal["word", "speaker"], max_words: int, max_turns: int) -> list[str]:
    """`text` in chunks of up to `max_words` words or `max_turns` turns; none of a blank one. A turn begins at each
    `[SPEAKERn]`, or is a line where there are no such tags."""
    from boson_multimodal.text_chunking import chunk_text

    return chunk_text(text, method, max_words=max_words, max_turns=max_turns)
