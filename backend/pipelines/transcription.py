"""A whole recording -> its utterances, one after another: voice activity finds them, the recogniser reads them.

Knows nothing of files, formats or clients; nothing is played or answered here.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from backend.audio import power_db, seconds
from backend.engines.interfaces import HEARING_RATE_HZ
from backend.pipelines.stt import PRE_ROLL_WINDOWS, WINDOW_BYTES
from backend.pipelines.voice_activity import START_WINDOWS, WINDOW_MS, VoiceActivity

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from backend.engines.interfaces import Hints, SpeechToText
    from backend.engines.silero import VadStream

SILENCE_MS = 600
"""Silence that ends a segment: between sentences, seldom within them."""

LONG_SEGMENT_MS, BREATH_MS = 20_000, 96
"""A segment longer than the one ends at the next silence of the other, which is between words."""

LONGEST_SEGMENT_MS = 30_000
"""One without any such silence is cut: recognisers are made for about this much at a time."""

WINDOWS_AT_A_TIME = 4
"""Windows judged before others get their turn on the event loop (about 1 ms of work)."""

CHUNK_BYTES = 3200
"""Audio handed to the recogniser at a time (100 ms): one that is left in the middle stops soon."""


@dataclass(frozen=True, slots=True)
class Segment:
    """Something said, and when, in seconds from the beginning of the recording."""

    start_s: float
    end_s: float
    text: str


async def transcribe(pcm: bytes, stt: SpeechToText, vad: VadStream, hints: Hints) -> AsyncGenerator[Segment]:
    """Yield what is said in `pcm` (PCM16LE mono 16 kHz, any length) in order, as soon as each segment is known.

    Segments have text and do not overlap. Closing the generator stops the recogniser. Raises `EngineError("stt", ...)`.
    """
    async with aclosing(_utterances(pcm, vad)) as utterances:
        async for utterance in utterances:
            if text := await _recognise(pcm[utterance.audio], stt, hints):
                yield Segment(utterance.start_s, utterance.end_s, text)


async def _recognise(pcm: bytes, stt: SpeechToText, hints: Hints) -> str:
    """The words of one utterance on one line; empty when there are none."""
    text = ""
    async with aclosing(_chunks(pcm)) as audio, aclosing(stt.stream(audio, hints)) as transcripts:
        async for transcript in transcripts:
            text = transcript.text
    return " ".join(text.split())


async def _chunks(pcm: bytes) -> AsyncGenerator[bytes]:
    for start in range(0, len(pcm), CHUNK_BYTES):
        yield pcm[start : start + CHUNK_BYTES]


@dataclass(frozen=True, slots=True)
class _Utterance:
    """`audio` is more than what is between the times: soft beginnings, and the silence after."""

    start_s: float
    end_s: float
    audio: slice


async def _utterances(pcm: bytes, vad: VadStream) -> AsyncGenerator[_Utterance]:
    voice = VoiceActivity()
    duration_s = seconds(pcm, HEARING_RATE_HZ)
    began = 0
    """The first voiced window of the utterance."""
    free = 0
    """The first window that no utterance has."""

    def utterance(after: int) -> _Utterance:
        end_s = (after - voice.unvoiced_run) * WINDOW_MS / 1000
        audio = slice(max(free, began - PRE_ROLL_WINDOWS) * WINDOW_BYTES, after * WINDOW_BYTES)
        return _Utterance(began * WINDOW_MS / 1000, min(end_s, duration_s), audio)

    windows = -(-len(pcm) // WINDOW_BYTES)
    for index in range(windows):
        if index % WINDOWS_AT_A_TIME == 0:
            await asyncio.sleep(0)
        window = pcm[index * WINDOW_BYTES : (index + 1) * WINDOW_BYTES].ljust(WINDOW_BYTES, b"\0")
        was_speaking = voice.speaking
        voice.feed(vad.probability(window), power_db(window))
        if not voice.speaking:
            continue
        if not was_speaking:
            began = index + 1 - START_WINDOWS
        if _over((index + 1 - began) * WINDOW_MS, voice.silence_ms):
            yield utterance(index + 1)
            voice.stop()
            free = index + 1
    if voice.speaking:
        yield utterance(windows)


def _over(length_ms: int, silence_ms: int) -> bool:
    """Whether a segment of this length, with this silence at its end, is one."""
    enough_ms = SILENCE_MS if length_ms < LONG_SEGMENT_MS else BREATH_MS
    return silence_ms >= enough_ms or length_ms >= LONGEST_SEGMENT_MS
