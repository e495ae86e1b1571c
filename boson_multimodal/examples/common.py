"""What the examples share: which checkpoints to load, and writing a WAV file."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from boson_multimodal.audio_files import wav_bytes
from boson_multimodal.model.higgs_audio.utils import revert_delay_pattern
from boson_multimodal.serve.audio_stream import pcm16
from boson_multimodal.serve.serve_engine import HiggsAudioServeEngine

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

MODEL = "bosonai/higgs-audio-v2-generation-3B-base"
CODEC = "bosonai/higgs-audio-v2-tokenizer"


def arguments(description: str) -> argparse.Namespace:
    """`--model`, `--codec`, `--device`, `--output`, `--reference`."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--model", default=MODEL, help="folder or repository id")
    parser.add_argument("--codec", default=CODEC, help="folder or repository id")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--output", type=Path, default=Path(), help="folder for the WAV files")
    parser.add_argument("--reference", help="a recording to clone the voice of")
    return parser.parse_args()


def load(options: argparse.Namespace) -> HiggsAudioServeEngine:
    """The engine the arguments ask for."""
    return HiggsAudioServeEngine(
        model_name_or_path=options.model, audio_tokenizer_name_or_path=options.codec, device=options.device
    )


def waveform(engine: HiggsAudioServeEngine, columns: Sequence[Tensor]) -> bytes:
    """PCM16LE of one utterance's `columns [C]`, decoded at once."""
    codes = revert_delay_pattern(torch.stack(list(columns), dim=1)).clip(0, engine.audio_codebook_size - 1)[:, 1:-1]
    return pcm16(engine.audio_tokenizer.decode(codes.unsqueeze(0))[0, 0])


def save(path: Path, pcm: bytes, rate_hz: int) -> None:
    """Write PCM16LE mono as a WAV file."""
    path.write_bytes(wav_bytes(pcm, rate_hz))
    print(f"{path}: {len(pcm) / 2 / rate_hz:.2f} s")
