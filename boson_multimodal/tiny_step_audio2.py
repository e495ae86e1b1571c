"""A tiny Step-Audio 2 with random weights: it loads and speaks like the real one, and says nothing.

The folder has the layout of the published checkpoint, but for the language model, which a server of its own runs: the
tokenizer's table of added tokens, `token2wav`, and `voices` with two recordings.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from boson_multimodal.audio_files import wav_bytes
from boson_multimodal.audio_tokens import HEARING_RATE_HZ, STEP_AUDIO_2_MINI
from boson_multimodal.model.step_audio2.tiny import write_tiny_flow
from boson_multimodal.model.step_audio2.tiny_vocoder import write_tiny_vocoder

if TYPE_CHECKING:
    from pathlib import Path

VOICES = {"anna": 210.0, "bert": 110.0}
"""Names, and the hertz at which they hum."""


@dataclass(frozen=True, slots=True)
class TinyStepAudio2:
    """The checkpoint, the part of it that makes sound, and the voices."""

    checkpoint: Path
    token2wav: Path
    voices: Path


def write_tiny_step_audio2(folder: Path, seed: int = 0) -> TinyStepAudio2:
    """Write it into `folder`, which is made if need be; the same `seed` gives the same weights."""
    written = TinyStepAudio2(folder, folder / "token2wav", folder / "voices")
    for part in (written.token2wav, written.voices):
        part.mkdir(parents=True, exist_ok=True)
    write_tiny_flow(written.token2wav, seed)
    write_tiny_vocoder(written.token2wav, seed)
    ids = STEP_AUDIO_2_MINI
    tokens = {f"<audio_{code}>": ids.first_audio_id + code for code in range(ids.count)}
    (folder / "added_tokens.json").write_text(json.dumps({**ids.tags, **tokens}), "utf-8")
    for name, pitch_hz in VOICES.items():
        write_hum(written.voices / f"{name}.wav", pitch_hz)
    return written


def write_hum(file: Path, pitch_hz: float, seconds: float = 1.0) -> None:
    """A WAV file of a voice that hums."""
    times = np.arange(int(seconds * HEARING_RATE_HZ)) / HEARING_RATE_HZ
    overtones = np.arange(1, 8)[:, None]
    tone = (np.sin(2 * np.pi * pitch_hz * overtones * times) / overtones).sum(axis=0)
    file.write_bytes(wav_bytes((8000 * tone).astype("<i2").tobytes(), HEARING_RATE_HZ))
