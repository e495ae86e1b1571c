"""An uploaded recording of somebody's voice -> what a voice is cloned from: trimmed, at one loudness, and its words.

Knows nothing of forms, clients or where voices are kept.
"""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from backend.audio import Resampler, seconds
from backend.decoding import decode
from backend.engines.interfaces import HEARING_RATE_HZ
from backend.errors import InvalidRequest
from backend.pipelines.transcription import transcribe
from backend.reference_audio import flat_share, levelled, speech_level_db, trimmed

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

TOO_QUIET_DB, QUIET_DB = -50.0, -38.0
"""Raised to a usual loudness, the noise of most microphones would be a voice's own; and would be heard."""

CLIPPED, PARTLY_CLIPPED = 0.03, 0.006
"""Of `flat_share`: what is overdriven by 12 dB has a sound of its own; from half of that on it is heard."""


@dataclass(frozen=True, slots=True)
class VoiceSample:
    """What a voice is cloned from: PCM16LE mono at `RATE_HZ`, and what is not as it should be, in sentences."""

    pcm: bytes
    warnings: tuple[str, ...] = ()


def prepared(data: bytes) -> VoiceSample:
    """The voice in an audio file. The same file always gives the same bytes. Blocks for some 100 ms.

    Raises `InvalidRequest` for what is no audio, for too little or too much of it, and for what would not be a voice
    but its recorder's faults.
    """
    pcm = trimmed(decode(data, RATE_HZ, LONGEST_UPLOAD_S), RATE_HZ)
    if not pcm:
        raise InvalidRequest("nobody can be heard in the recording; it is silent, or nearly so")
    duration_s = seconds(pcm, RATE_HZ)
    if not SHORTEST_S <= duration_s <= LONGEST_S:
        advice = "record some sentences more" if duration_s < SHORTEST_S else "cut it at the end of a sentence"
        raise InvalidRequest(
            f"without the silence at its ends the recording lasts {duration_s:.1f} s; "
            f"a voice takes {SHORTEST_S} to {LONGEST_S} s: {advice}"
        )
    return VoiceSample(levelled(pcm, RATE_HZ), _warnings(pcm))


def _warnings(pcm: bytes) -> tuple[str, ...]:
    """Raises `InvalidRequest` for what is worse than a warning."""
    level_db, flat = speech_level_db(pcm, RATE_HZ), flat_share(pcm)
    quiet = f"the voice is quiet, at {level_db:.0f} dB of full scale"
    if level_db < TOO_QUIET_DB:
        raise InvalidRequest(f"{quiet}, where {TOO_QUIET_DB:.0f} is the least; record it nearer to the microphone")
    overdriven = f"the recording is clipped: {flat:.1%} of its samples are about as large as its largest"
    if flat > CLIPPED:
        raise InvalidRequest(f"{overdriven}; record it again with the microphone turned down")
    faults = {
        f"{quiet}; its noise was raised with it": level_db < QUIET_DB,
        f"{overdriven}, which the voice will sound of": flat > PARTLY_CLIPPED,
    }
    return tuple(warning for warning, found in faults.items() if found)


async def words_of(pcm: bytes, stt: SpeechToText, vad: VadStream, hints: Hints) -> list[Segment]:
    """What is said in `pcm` at `RATE_HZ`. Raises `EngineError("stt", ...)`."""
    resampler = Resampler(RATE_HZ, HEARING_RATE_HZ)
    heard = resampler.feed(pcm) + resampler.finish()
    async with aclosing(transcribe(heard, stt, vad, hints)) as segments:
        return [segment async for segment in segments]
