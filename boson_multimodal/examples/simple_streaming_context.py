"""The smallest example: sentences in, PCM out while it is being made, one voice throughout.

python -m boson_multimodal.examples.simple_streaming_context [--model FOLDER --codec FOLDER]
"""

from __future__ import annotations

import asyncio
import time

from boson_multimodal.examples.common import arguments, load, save


async def main() -> None:
    options = arguments(__doc__ or "")
    engine = load(options)
    began = time.perf_counter()
    pcm = bytearray()
    async for piece in engine.generate_pcm_stream(
        text_chunks=["Hello, welcome to our podcast.", "Today we talk about clocks.", "Let us begin."],
        scene_prompt="Audio is recorded from a quiet room.",
        speaker_descriptions="masculine;moderate pitch;professional",
        ref_audio_paths=[options.reference] if options.reference else None,
    ):
        if not pcm:
            print(f"first sound after {time.perf_counter() - began:.2f} s")
        pcm += piece
    save(options.output / "simple.wav", bytes(pcm), engine.sampling_rate)
    engine.close()


if __name__ == "__main__":
    asyncio.run(main())
