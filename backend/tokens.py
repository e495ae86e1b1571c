"""How many tokens a text is, estimated: what fits a budget is decided before any model has counted."""

from __future__ import annotations

import re

_LATIN = re.compile(r"[\u0000-\u024f\u1e00-\u1eff\u2000-\u206f]+")
_DENSE = re.compile(r"[\u1100-\u11ff\u2e80-\ua4cf\uac00-\ud7ff\uf900-\ufaff\ufe30-\uffef\U00010000-\U0010ffff]+")
"""Chinese, Japanese, Korean, and what is beyond the basic plane, such as emoji."""

LATIN_CHARACTERS = 4
OTHER_CHARACTERS = 2


def estimated_tokens(text: str) -> int:
    """A token is 4 characters of Latin script, 1 of Chinese, Japanese or Korean, 2 of any other; rounded up."""
    if text.isascii():
        return -(-len(text) // LATIN_CHARACTERS)
    beyond_latin = _LATIN.sub("", text)
    other = len(_DENSE.sub("", beyond_latin))
    latin, dense = len(text) - len(beyond_latin), len(beyond_latin) - other
    return dense + -(-latin // LATIN_CHARACTERS) + -(-other // OTHER_CHARACTERS)
