"""A tiny Step-Audio 2 `token2wav` folder with random weights: it loads and speaks like the real one, and says nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from boson_multimodal.model.step_audio2.tiny import write_tiny_flow
from boson_multimodal.model.step_audio2.tiny_vocoder import write_tiny_vocoder

if TYPE_CHECKING:
    from pathlib import Path


def write_tiny_token2wav(folder: Path, seed: int = 0) -> Path:
    """Write all five files of section "token2wav" of the checkpoint into `folder`, and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    write_tiny_flow(folder, seed)
    write_tiny_vocoder(folder, seed)
    return folder
