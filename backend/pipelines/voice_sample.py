"""An uploaded recording of somebody's voice -> what a voice is cloned from: trimmed, at one loudness, and its words.

Knows nothing of forms, clients or where voices are kept.
"""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

from backend.audio import Resampler, levelled, seconds, trimmed
from backend.decoding import decode
from backend.engines.interfaces import HEARING_RATE_HZ
from backend.errors import InvalidRequest
from backend.pipelines.transcription import transcribe

if TYPE_CHECKING:
    from backend.engines.interfaces import Hints, SpeechToText
    from backend.engines.silero import VadStream
    from backend.pipelines.transcription import Segment

RATE_HZ = 24_000
"""Of every sample that is kept."""

SHORTEST_S, LONGEST_S = 3, 30
"""Of the sound: less does not tell a voice, more only costs context."""

LONGEST_UPLOAD_S = 300
"""With the silence around it."""


def prepared(data: bytes) -> bytes:
    """PCM16LE mono at `RATE_HZ` of an audio file. The same file always gives the same bytes. Blocks for some 50 ms.

    Raises `InvalidRequest` for what is no audio, and for too little or too much of it.
    """
    pcm = trimmed(decode(data, RATE_HZ, LONGEST_UPLOAD_S), RATE_HZ)
    duration_s = seconds(pcm, RATE_HZ)
    if not SHORTEST_S <= duration_s <= LONGEST_S:
        raise InvalidRequest(
            f"without the silence at its ends the recording lasts {duration_s:.1f} s; "
            f"a voice takes {SHORTEST_S} to {LONGEST_S} s"
        )
    return levelled(pcm)


async def words_of(pcm: bytes, stt: SpeechToText, vad: VadStream, hints: Hints) -> list[Segment]:
    """What is said in `pcm` at `RATE_HZ`. Raises `EngineError("stt", ...)`."""
    resampler = Resampler(RATE_HZ, HEARING_RATE_HZ)
    heard = resampler.feed(pcm) + resampler.finish()
    async with aclosing(transcribe(heard, stt, vad, hints)) as segments:
        return [segment async for segment in segments]
