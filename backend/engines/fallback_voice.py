"""Who finishes a text that no server can: a voice of another engine, from the word that was reached."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

from backend.audio import Resampler
from backend.engines.interfaces import Speech, WordMark

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from backend.engines.interfaces import TextToSpeech, VoiceGenerator


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
