"""The sentence producer: a stream of text pieces becomes sentences, each as soon as it is certain.

stream2sentence finds the boundaries. It waits for a few more characters after each, which costs the listener tokens
of silence, so a boundary its own detector is sure of without looking further is released at once, and one it is not
sure of when the writer pauses. Knows nothing of characters, voices or queues.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import sentencex
from stream2sentence import SentenceSplitter

from backend.speakable import speakable

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

IDLE_FLUSH_S = 0.08
"""A writer that pauses this long after a sentence's end is not going to continue that sentence: about five tokens."""

SHORT_SENTENCE_CHARACTERS = 12
"""A later sentence shorter than this is spoken together with the next: one- and two-word requests sound clipped."""

_TERMINALS = ".!?…。！？؟।۔"
_CLOSERS = "\"'”’»)]*_"
_PAIRS = (("(", ")"), ("[", "]"), ("“", "”"))
_SPLIT = "split"


@dataclass(frozen=True, slots=True)
class Sentence:
    """`written[start:end]` of the reply, and what the voice says for it (empty: nothing to say)."""

    start: int
    end: int
    spoken: str


class SentenceProducer:
    """Cuts one reply into sentences. `written` is all that was fed; the sentences cover it in order."""

    def __init__(self, language: str = "en") -> None:
        self.written = ""
        self._taken = 0
        self._splitter: Any = SentenceSplitter(
            minimum_sentence_length=SHORT_SENTENCE_CHARACTERS,
            minimum_first_fragment_length=SHORT_SENTENCE_CHARACTERS,
            quick_yield_single_sentence_fragment=True,
            auto_context=True,
            language=language,
            tokenize_sentences=partial(_segment, language),
        )

    def feed(self, piece: str) -> list[Sentence]:
        """Sentences that are certain after this piece of text."""
        self.written += piece
        self._splitter.add(piece)
        texts: list[str] = list(self._splitter.stream())
        if self._certain():
            texts += self._drain()
        return [self._take(text) for text in texts if text.strip()]

    def flush(self) -> list[Sentence]:
        """Whatever is left, complete or not."""
        return [self._take(text) for text in self._drain() if text.strip()]

    @property
    def holds_sentence(self) -> bool:
        """True when the unreleased text looks like a whole sentence."""
        rest = self.written[self._taken :].rstrip().rstrip(_CLOSERS)
        return bool(rest) and rest[-1] in _TERMINALS

    def _drain(self) -> list[str]:
        texts: list[str] = list(self._splitter.flush())
        # A flush makes the splitter treat what follows as a first sentence, which it cuts at commas for speed.
        self._splitter.is_first_sentence = not (self._taken or texts)
        return texts

    def _certain(self) -> bool:
        """True when the text ends with a sentence end that no further character could undo."""
        rest = self.written[self._taken :].strip()
        if not rest or rest[-1] not in _TERMINALS or not _balanced(rest):
            return False
        if self._taken and len(rest) < SHORT_SENTENCE_CHARACTERS:
            return False
        detector = self._splitter.quick_yield_boundary_detector
        return bool(detector.classify(rest, len(rest) - 1, None, allow_terminal_end=True) == _SPLIT)

    def _take(self, text: str) -> Sentence:
        """The span of `written` that holds `text`, found by counting what is not white space."""
        start = self._taken
        while start < len(self.written) and self.written[start].isspace():
            start += 1
        end, missing = start, sum(not character.isspace() for character in text)
        while missing and end < len(self.written):
            missing -= not self.written[end].isspace()
            end += 1
        self._taken = end
        return Sentence(start, end, speakable(_outside_code(self.written, start, end)))


async def produce_sentences(pieces: AsyncIterator[str], producer: SentenceProducer) -> AsyncGenerator[Sentence]:
    """Sentences of `pieces`, in order. What the writer leaves unfinished when it pauses is released if it looks
    whole, and at the end of the stream in any case."""
    following: asyncio.Future[str] | None = None
    try:
        while True:
            following = asyncio.ensure_future(anext(pieces)) if producer.holds_sentence else None  # pyright: ignore[reportArgumentType]
            if following is not None:
                await asyncio.wait((following,), timeout=IDLE_FLUSH_S)
                if not following.done():
                    for sentence in producer.flush():
                        yield sentence
            try:
                piece = await (following or anext(pieces))
            except StopAsyncIteration:
                break
            for sentence in producer.feed(piece):
                yield sentence
    finally:
        if following is not None and not following.done():
            following.cancel()
            await asyncio.wait((following,))
    for sentence in producer.flush():
        yield sentence


def _segment(language: str, text: str) -> list[str]:
    """Sentences of a whole text; the package ships without types."""
    return list(cast("Any", sentencex).segment(language, text))


def _balanced(text: str) -> bool:
    """True when no quotation, bracket or markup is open."""
    return all(text.count(opener) <= text.count(closer) for opener, closer in _PAIRS) and not (
        text.count('"') % 2 or text.count("*") % 2 or text.count("`") % 2
    )


def _outside_code(written: str, start: int, end: int) -> str:
    """`written[start:end]` without what stands inside fenced code blocks."""
    spoken, position = "", 0
    for index, part in enumerate(written[:end].split("```")):
        if index % 2 == 0 and position + len(part) > start:
            spoken += part[max(0, start - position) :]
        position += len(part) + 3
    return spoken
