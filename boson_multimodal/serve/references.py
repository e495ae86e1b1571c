"""Reference recordings as codes, encoded once and kept by their content."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

from boson_multimodal.audio_files import cut, read_audio
from boson_multimodal.model.higgs_audio.reference_encoder import ReferenceEncoder

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from boson_multimodal.data_types import AudioContent

KEPT = 64
"""Recordings whose codes are kept, the longest unused dropped first. Ten seconds are 16 kB."""


class References:
    """Encodes with the codec's encoder in `folder`, which is loaded when the first recording comes."""

    def __init__(self, folder: Path, device: str) -> None:
        self._folder = folder
        self._device = device
        self._encoder: ReferenceEncoder | None = None
        self._codes: OrderedDict[tuple[bytes, float | None, float | None], Tensor] = OrderedDict()
        self._one_at_a_time = threading.Lock()

    def encode(self, audio: bytes, content: AudioContent | None = None) -> Tensor:
        """The codes `[C, T]` of a recording, of the part that `content` names if it names one. Blocks.

        Raises `ValueError` when it is no audio.
        """
        begin, length = (content.offset, content.duration) if content is not None else (None, None)
        key = (hashlib.sha256(audio).digest(), begin, length)
        with self._one_at_a_time:
            if key not in self._codes:
                samples, rate = read_audio(audio)
                if content is not None:
                    samples = cut(samples, rate, content)
                if self._encoder is None:
                    self._encoder = ReferenceEncoder.from_pretrained(self._folder, self._device)
                self._codes[key] = self._encoder.encode(samples, rate)
                if len(self._codes) > KEPT:
                    self._codes.popitem(last=False)
            self._codes.move_to_end(key)
            return self._codes[key]
