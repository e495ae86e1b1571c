"""The speech tokenizer of Step-Audio 2 (`speech_tokenizer_v2_25hz.onnx`): a voice as 25 codes a second."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from boson_multimodal.audio_tokens import CODEBOOK_SIZE, HEARING_RATE_HZ
from boson_multimodal.model.step_audio2.frontend import log_mel_128
from boson_multimodal.model.step_audio2.onnx_model import OnnxModel
from boson_multimodal.model.weights import CheckpointError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

FILE = "speech_tokenizer_v2_25hz.onnx"

MAX_SECONDS = 30.0
"""The longest sound the network was trained with."""


class SpeechTokenizer:
    """Opens its file at the first sound. Thread-safe."""

    def __init__(self, folder: Path) -> None:
        """For the file in `folder`."""
        self._file = folder / FILE
        self.network = OnnxModel(self._file)

    def encode(self, samples: NDArray[np.float32]) -> Tensor:
        """Codes `[1, T]` (int64) of 16 kHz mono, one for 40 ms.

        Raises `ValueError` for a sound that is longer than 30 s or shorter than 25 ms, `CheckpointError` for a file
        that is missing or of another kind.
        """
        if (seconds := len(samples) / HEARING_RATE_HZ) > MAX_SECONDS:
            raise ValueError(f"the speech tokenizer hears {MAX_SECONDS:g} s at most, not {seconds:g}")
        mel = log_mel_128(samples).numpy()
        codes = self.network.run(mel, np.array([mel.shape[2]], np.int32), shape=(1, None))
        if codes.size == 0 or codes.min() < 0 or codes.max() >= CODEBOOK_SIZE:
            raise CheckpointError(
                f"{self._file} gives codes that are none of 0 to {CODEBOOK_SIZE - 1}; is it the right file?"
            )
        return torch.from_numpy(codes.astype(np.int64))
