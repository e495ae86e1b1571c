from __future__ import annotations

import asyncio
import sys
import wave
from typing import TYPE_CHECKING

import pytest
import torch

from boson_multimodal.examples import simple_streaming_context, streaming_with_context_example
from boson_multimodal.model.higgs_audio.utils import revert_delay_pattern
from boson_multimodal.serve.serve_engine import HiggsAudioServeEngine
from tests.boson_multimodal.serve.test_serve_engine import wav

if TYPE_CHECKING:
    from pathlib import Path

    from boson_multimodal.tiny_checkpoint import TinyCheckpoint


@pytest.mark.parametrize(
    ("example", "written"),
    [
        (simple_streaming_context, ["simple.wav"]),
        (streaming_with_context_example, ["by_hand.wav", "cloned.wav", "described.wav", "dialogue.wav"]),
    ],
)
def test_the_examples_write_audible_files(
    tiny: TinyCheckpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, example: object, written: list[str]
) -> None:
    """What the documentation shows runs as it stands."""
    reference = tmp_path / "reference" / "voice.wav"
    reference.parent.mkdir()
    reference.write_bytes(wav())
    options = {"model": tiny.model, "codec": tiny.codec, "device": "cpu", "output": tmp_path, "reference": reference}
    monkeypatch.setattr(sys, "argv", ["example", *(f"--{name}={value}" for name, value in options.items())])
    asyncio.run(example.main())  # pyright: ignore
    assert sorted(path.name for path in tmp_path.glob("*.wav")) == written
    for path in tmp_path.glob("*.wav"):
        with wave.open(str(path)) as file:
            assert (file.getframerate(), file.getnchannels()) == (24_000, 1)
            assert file.getnframes() > 12_000


async def test_the_seeds_examples_run_unchanged(tiny: TinyCheckpoint, tmp_path: Path) -> None:
    """The calls of the original documentation, by keyword and in its order, with only the folders replaced."""
    reference = tmp_path / "reference_voice.wav"
    reference.write_bytes(wav())
    serve_engine = HiggsAudioServeEngine(
        model_name_or_path=str(tiny.model),
        audio_tokenizer_name_or_path=str(tiny.codec),
        device="cuda" if torch.cuda.is_available() else "cpu",
    )
    text_chunks = ["Hello, welcome to our podcast.", "Today we're discussing AI advancements."]
    scene = "Audio is recorded from a quiet room."
    for asked in (
        {"speaker_descriptions": "masculine;moderate pitch;professional", "temperature": 0.7},
        {"ref_audio_paths": [str(reference)], "temperature": 0.3},
        {
            "text_chunks": ["[SPEAKER0] Hello! How are you?", "[SPEAKER1] I'm doing great, thanks!"],
            "speaker_descriptions": ["SPEAKER0: feminine;warm;friendly", "SPEAKER1: masculine;deep;calm"],
        },
    ):
        audio_tokens = []
        async for delta in serve_engine.generate_streaming_with_context(
            **({"text_chunks": text_chunks, "scene_prompt": scene, "generation_chunk_buffer_size": 5} | asked)
        ):
            if delta.audio_tokens is not None:
                audio_tokens.append(delta.audio_tokens)
        audio_tensor = torch.stack(audio_tokens, dim=1)
        vq_code = revert_delay_pattern(audio_tensor).clip(0, serve_engine.audio_codebook_size - 1)[:, 1:-1]
        waveform = serve_engine.audio_tokenizer.decode(vq_code.unsqueeze(0))[0, 0]
        assert waveform.shape == (vq_code.shape[1] * 960,)
        assert serve_engine.audio_tokenizer.sampling_rate == 24_000
    serve_engine.close()
