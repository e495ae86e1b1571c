"""The speaker encoder of Step-Audio 2 (`campplus.onnx`): who is speaking, as one vector.

CAM++, Wang et al., arXiv 2303.00332.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from boson_multimodal.model.step_audio2.frontend import kaldi_fbank
from boson_multimodal.model.step_audio2.onnx_model import OnnxModel

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

FILE = "campplus.onnx"

SPEAKER_SIZE = 192


class SpeakerEncoder:
    """Opens its file at the first sound. Thread-safe."""

    def __init__(self, folder: Path) -> None:
        """For the file in `folder`."""
        self.network = OnnxModel(folder / FILE)

    def encode(self, samples: NDArray[np.float32]) -> Tensor:
        """The vector `[1, 192]` (float32) of 16 kHz mono, of no particular length.

        Raises `ValueError` for a sound shorter than 25 ms, `CheckpointError` for a file that is missing or of another
        kind.
        """
        features = kaldi_fbank(samples)
        centred = (features - features.mean(dim=0))[None]
        return torch.from_numpy(self.network.run(centred.numpy(), shape=(1, SPEAKER_SIZE)).astype(np.float32))
