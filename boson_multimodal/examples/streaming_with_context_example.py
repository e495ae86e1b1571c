"""Four ways to speak with a rolling context: a described voice, a cloned one, a dialogue, and decoding by hand.

python -m boson_multimodal.examples.streaming_with_context_example [--model FOLDER --codec FOLDER --reference WAV]
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from boson_multimodal.examples.common import arguments, load, save, waveform

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from boson_multimodal.serve.serve_engine import HiggsAudioServeEngine

QUIET = "Audio is recorded from a quiet room."
TEXT = ["The sun rises in the east.", "It sets in the west.", "Nobody has seen it do otherwise."]


async def described(engine: HiggsAudioServeEngine, folder: Path) -> None:
    """A voice from a description."""
    pieces = engine.generate_pcm_stream(TEXT, QUIET, "feminine;warm;moderate pitch", temperature=0.7)
    save(folder / "described.wav", b"".join([piece async for piece in pieces]), engine.sampling_rate)


async def cloned(engine: HiggsAudioServeEngine, folder: Path, reference: str) -> None:
    """The voice of a recording; a text file of the same name beside it says what is said there."""
    pieces = engine.generate_pcm_stream(TEXT, QUIET, ref_audio_paths=[reference], temperature=0.3)
    save(folder / "cloned.wav", b"".join([piece async for piece in pieces]), engine.sampling_rate)


async def dialogue(engine: HiggsAudioServeEngine, folder: Path) -> None:
    """Two speakers in one context."""
    turns = [
        "[SPEAKER0] Hello! How are you?",
        "[SPEAKER1] I am doing great, thanks!",
        "[SPEAKER0] What have you been working on?",
        "[SPEAKER1] I have been taking old radios apart.",
    ]
    speakers = ["SPEAKER0: feminine;warm;friendly", "SPEAKER1: masculine;deep;calm"]
    pieces = engine.generate_pcm_stream(turns, "Two people talk in a quiet room.", speakers)
    save(folder / "dialogue.wav", b"".join([piece async for piece in pieces]), engine.sampling_rate)


async def by_hand(engine: HiggsAudioServeEngine, folder: Path) -> None:
    """The columns themselves, each chunk decoded when it is complete."""
    pcm = b""
    columns: list[Tensor] = []
    async for delta in engine.generate_streaming_with_context(TEXT, QUIET, "masculine;moderate pitch;professional"):
        if delta.audio_tokens is not None:
            columns.append(delta.audio_tokens)
        if delta.finish_reason is not None:
            pcm += waveform(engine, columns)
            columns.clear()
    save(folder / "by_hand.wav", pcm, engine.sampling_rate)


async def main() -> None:
    options = arguments(__doc__ or "")
    engine = load(options)
    await described(engine, options.output)
    if options.reference:
        await cloned(engine, options.output, options.reference)
    await dialogue(engine, options.output)
    await by_hand(engine, options.output)
    engine.close()


if __name__ == "__main__":
    asyncio.run(main())
