"""Who finishes a text that nobody else can: a voice of another engine, from the word that was reached.

Where that is, nobody knows: the servers say nothing of words. It is estimated by how fast the voice has spoken before.
"""

from __future__ import annotations

import re
from contextlib import aclosing
from typing import TYPE_CHECKING

from backend.audio import Resampler
from backend.engines.interfaces import Speech, WordMark
from backend.heard import spoken_length

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from backend.engines.interfaces import TextToSpeech, VoiceGenerator

_WORD = re.compile(r"[\u3040-\u9fff]|[^\s\u3040-\u9fff]+")
"""Chinese and Japanese have no spaces: each sign is taken for a word."""


def reached(text: str, length: float) -> int:
    """The offset of the word that is being said after so much of `text`, in letters of English; one that has been begun
    is said again, and one is always left."""
    begun = 0
    for word in _WORD.finditer(text):
        if word.start() and spoken_length(text[: word.start()]) > length:
            break
        begun = word.start()
    return begun


class FallbackVoice:
    """The voice of that name of `engine`, at another sample rate."""

    def __init__(self, engine: TextToSpeech, voice: VoiceGenerator, rate_hz: int) -> None:
        self._voice = voice
        self._from_hz, self._rate_hz = engine.sample_rate_hz, rate_hz

    async def finish(self, text: str, begin: int, passed: int) -> AsyncGenerator[Speech]:
        """The speech of `text[begin:]` after `passed` samples, with its marks counted from the beginning of both."""
        resampler, scale = Resampler(self._from_hz, self._rate_hz), self._rate_hz / self._from_hz
        marks: list[WordMark] = []
        async with aclosing(self._voice.stream(text[begin:])) as pieces:
            async for piece in pieces:
                marks += [WordMark(begin + mark.offset, passed + int(mark.sample * scale)) for mark in piece.marks]
                if pcm := resampler.feed(piece.pcm):
                    yield Speech(pcm, tuple(marks))
                    marks = []
        if pcm := resampler.finish():
            yield Speech(pcm, tuple(marks))
