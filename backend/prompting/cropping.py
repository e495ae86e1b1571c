"""Texts made to fit a number of tokens."""

from __future__ import annotations

import re
from bisect import bisect_right

from backend.tokens import estimated_tokens

LEFT_OUT = " […] "

_SENTENCE_END = re.compile(r"[.!?…。！？][\"'”’*)\]]*(?=\s|$)|[。！？]")


def middle_cropped(text: str, tokens: int) -> str:
    """`text`, without its middle if it is longer than `tokens`: what matters stands at either end."""
    if estimated_tokens(text) <= tokens:
        return text
    room = tokens - estimated_tokens(LEFT_OUT)
    length = len(text) * max(0, room) // estimated_tokens(text)
    while length > 1:
        kept = f"{text[: length - length // 2].rstrip()}{LEFT_OUT}{text[len(text) - length // 2 :].lstrip()}"
        if estimated_tokens(kept) <= tokens:
            return kept
        length = length * 9 // 10
    return ""


def beginning(text: str, tokens: int) -> str:
    """The whole sentences, or else the words, with which `text` begins and that are at most `tokens`."""
    if estimated_tokens(text) <= tokens:
        return text
    length = bisect_right(range(len(text)), tokens, key=lambda count: estimated_tokens(text[:count])) - 1
    kept = text[:length]
    ends = [found.end() for found in _SENTENCE_END.finditer(kept)]
    if ends and ends[-1] >= length // 2:
        return kept[: ends[-1]]
    if not (kept[-1:].isspace() or text[length].isspace()):
        kept = kept.rsplit(maxsplit=1)[0] if len(kept.split()) > 1 else kept
    return kept.rstrip()
