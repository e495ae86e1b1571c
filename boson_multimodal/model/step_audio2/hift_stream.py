"""One utterance through HiFT piece by piece: as mel frames come, their sound goes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from boson_multimodal.model.step_audio2.noise import seeded

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from boson_multimodal.model.step_audio2.hift import Hift
    from boson_multimodal.model.step_audio2.hift_source import Source

CONTEXT_FRAMES = 8
"""Frames (160 ms) that are decoded again at the head of the next chunk, with what follows them. Until then their sound
is held back."""


class VocoderStream:
    """The state of one utterance: the newest frames, their source and the sound held back.

    However the frames are cut, `push` and `finish` together return 480 samples for each. Between the first and the
    second decoding of a frame the sound passes over by the two halves of a Hann window, which sum to one and begin and
    end at nought, so that there is no step where chunks meet. (The original's halves of a Hamming window begin at 0.08
    and sum to 1.08.) Streams share only the model. Not thread-safe.
    """

    def __init__(self, hift: Hift, seed: int = 0) -> None:
        """`seed`, any whole number, is that of the source's noise."""
        self._hift = hift
        self._generator = seeded(seed)
        self._context = torch.empty(1, hift.config.mel_bins, 0)
        self._source: Source | None = None
        self._held = torch.empty(0)
        self._finished = False

    def push(self, mel: Tensor) -> NDArray[np.float32]:
        """The samples that are certain with the frames `mel [1, 80, L]`, or `[80, L]`; none for no frames.

        Raises `ValueError` for another shape, `RuntimeError` after `finish`.
        """
        if self._finished:
            raise RuntimeError("the utterance is finished; open another stream")
        mel = mel[None] if mel.ndim == 2 else mel
        if mel.ndim != 3 or mel.shape[:2] != self._context.shape[:2]:
            raise ValueError(f"mel frames are [1, {self._context.shape[1]}, L], not {tuple(mel.shape)}")
        if mel.shape[2] == 0:
            return np.empty(0, np.float32)
        frames = torch.cat((self._context.to(mel), mel), dim=2)
        wave, source = self._hift(frames, self._generator, self._source)
        wave = self._joined(wave[0].float().cpu())
        self._context = frames[..., -CONTEXT_FRAMES:].clone()
        held = self._context.shape[2] * self._hift.config.samples_per_frame
        self._source = source.last(held)
        self._held = wave[-held:].clone()
        return wave[:-held].numpy()

    def finish(self, mel: Tensor | None = None) -> NDArray[np.float32]:
        """All samples that are left, with those of the last frames `mel` if there are any more.

        Raises as `push` does.
        """
        certain = self.push(self._context[..., :0] if mel is None else mel)
        rest = self._held.numpy()
        self._finished = True
        self._source, self._held, self._context = None, torch.empty(0), self._context[..., :0].clone()
        return np.concatenate((certain, rest))

    def _joined(self, wave: Tensor) -> Tensor:
        """`wave`, at whose beginning the sound held back passes over into it."""
        length = len(self._held)
        new = 0.5 - 0.5 * torch.cos(math.pi * (torch.arange(length) + 0.5) / max(length, 1))
        return torch.cat((self._held + new * (wave[:length] - self._held), wave[length:]))
