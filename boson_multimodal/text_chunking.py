"""A long text in pieces that are spoken one after the other, cut where a speaker would pause.

Each chunk is a stretch of the text without the space around it: all chunks in order are the whole text but for
whitespace. A word is a run of letters between spaces, or one character of a script that is written without spaces
(Han, Hiragana, Katakana); a tag in brackets such as `[humming start]` is never cut.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Method: TypeAlias = Literal["sentence", "word", "speaker"]

_UNSPACED = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003ffff"
# The full-width marks after a character belong to it, as "." belongs to the word before it.
_WORD = re.compile(rf"[{_UNSPACED}][。，、；：？！”’」』）】》…]*|(?:\[\w+ \w+\]|[^\s{_UNSPACED}])+")
_CLAUSE_END = re.compile(r"(?<=[,;:—–])\s+|(?<=[，、；：])")
_PARAGRAPH_END = re.compile(r"(?<=\n)\s*\n")
_TURN_START = re.compile(r"(?=\[SPEAKER\d+\])")
_LINE_END = re.compile(r"\n")


def chunk_text(text: str, method: Method, *, max_words: int = 100, max_turns: int = 1) -> list[str]:
    """The chunks of a text; none of a blank one.

    `"sentence"`: one chunk for each sentence. `"word"`: whole sentences up to `max_words`, never across an empty line.
    Either cuts a sentence longer than `max_words` after its clauses, and a clause longer than that between words.
    `"speaker"`: `max_turns` turns to a chunk, however long. A turn begins at each `[SPEAKERn]`, within a line too; a
    text without such tags has one turn a line.

    Raises `ValueError` for another method and for limits below 1.
    """
    if max_words < 1 or max_turns < 1:
        raise ValueError(f"a chunk holds at least one word and one turn, not {max_words} and {max_turns}")
    if method == "sentence":
        pieces = [chunk for sentence in _sentences(text) for chunk in _filled(sentence, max_words, _CUTS[1:])]
    elif method == "word":
        pieces = [chunk for part in _cut(text, _PARAGRAPH_END) for chunk in _filled(part, max_words, _CUTS)]
    elif method == "speaker":
        turns = _turns(text)
        pieces = ["".join(turns[i : i + max_turns]) for i in range(0, len(turns), max_turns)]
    else:
        raise ValueError(f"a text is chunked by sentence, word or speaker, not by {method!r}")
    return _without_space(pieces)


def count_words(text: str) -> int:
    """How many words are in a text, counted as the limit of a chunk is."""
    return len(_WORD.findall(text))


def _filled(text: str, max_words: int, cuts: tuple[Callable[[str], list[str]], ...]) -> list[str]:
    """A text in as few stretches of up to `max_words` as it gives when cut with the first of `cuts`; what is still
    too long is cut with the next, and its end is filled up with what follows."""
    if count_words(text) <= max_words:
        return [text]
    chunks, current, held = list[str](), "", 0
    for piece in cuts[0](text):
        words = count_words(piece)
        if held + words <= max_words:
            current, held = current + piece, held + words
            continue
        if current:
            chunks.append(current)
        if words <= max_words:
            current = piece
        else:
            *whole, current = _filled(piece, max_words, cuts[1:])
            chunks += whole
        held = count_words(current)
    return [*chunks, current]


def _sentences(text: str) -> list[str]:
    """The sentences of a text with the space after each."""
    import sentencex

    # The package has no types. English rules also cut at the full stops of other scripts.
    return list(cast("Any", sentencex).segment("en", text))


def _clauses(text: str) -> list[str]:
    return _cut(text, _CLAUSE_END)


def _words(text: str) -> list[str]:
    starts = [word.start() for word in _WORD.finditer(text)]
    return _between(text, starts[1:])


_CUTS = (_sentences, _clauses, _words)


def _turns(text: str) -> list[str]:
    """The turns of a script, what stands before its first tag being one."""
    boundary = _TURN_START if _TURN_START.search(text) else _LINE_END
    return [turn for turn in _cut(text, boundary) if turn.strip()]


def _cut(text: str, boundary: re.Pattern[str]) -> list[str]:
    """A text cut after each match of `boundary`; the pieces joined are the text."""
    return _between(text, [match.end() for match in boundary.finditer(text)])


def _between(text: str, cuts: Iterable[int]) -> list[str]:
    """A text cut at rising positions; the pieces joined are the text."""
    return [text[start:end] for start, end in pairwise((0, *cuts, len(text)))]


def _without_space(pieces: Iterable[str]) -> list[str]:
    stripped = (piece.strip() for piece in pieces)
    return [piece for piece in stripped if piece]
