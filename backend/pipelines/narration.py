"""Sentences read by one voice, one after another, as PCM at the rate asked for, as fast as it is made.

Knows nothing of turns, containers or HTTP.
"""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

from backend.audio import Resampler, sample_count
from backend.pipelines.sentences import SentenceProducer
from backend.time_stretch import TimeStretch

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from backend.engines.interfaces import VoiceGenerator

PIECE_CHARACTERS = 200
"""How much text is looked at in one go, which no other session can interrupt."""


class Narration:
    """Reads `sentences` out as they come. `speed` 0.25 to 4 changes how fast, not how high; the rates are in Hz."""

    def __init__(
        self,
        generator: VoiceGenerator,
        sentences: AsyncGenerator[str],
        generator_rate_hz: int,
        rate_hz: int,
        speed: float = 1.0,
    ) -> None:
        self._generator = generator
        self._sentences = sentences
        self._resampler = Resampler(generator_rate_hz, rate_hz)
        self._stretch = TimeStretch(rate_hz, speed)
        self._rate_hz = rate_hz
        self._samples = 0

    @property
    def audio_s(self) -> float:
        """Seconds of speech so far."""
        return self._samples / self._rate_hz

    async def stream(self) -> AsyncGenerator[bytes]:
        """PCM16LE mono, never an empty piece. Raises `EngineError("tts", ...)`."""
        async with aclosing(self._sentences) as sentences:
            async for sentence in sentences:
                async with aclosing(self._generator.stream(sentence)) as pieces:
                    async for piece in pieces:
                        pcm = self._stretch.feed(self._resampler.feed(piece.pcm))
                        if pcm:
                            yield self._counted(pcm)
        pcm = self._stretch.feed(self._resampler.finish()) + self._stretch.finish()
        if pcm:
            yield self._counted(pcm)

    def _counted(self, pcm: bytes) -> bytes:
        self._samples += sample_count(pcm)
        return pcm


async def spoken_sentences(text: str) -> AsyncGenerator[str]:
    """What is said for each sentence of `text`, found as they are asked for."""
    producer = SentenceProducer()
    for start in range(0, len(text), PIECE_CHARACTERS):
        for sentence in producer.feed(text[start : start + PIECE_CHARACTERS]):
            if sentence.spoken:
                yield sentence.spoken
    for sentence in producer.flush():
        if sentence.spoken:
            yield sentence.spoken
