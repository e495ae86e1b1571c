"""Recordings of voices as the flow continues them, prepared once and kept by their content."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from boson_multimodal.audio_files import read_audio
from boson_multimodal.audio_tokens import HEARING_RATE_HZ, SPEECH_RATE_HZ
from boson_multimodal.model.step_audio2.config import FRAMES_PER_CODE
from boson_multimodal.model.step_audio2.flow import FlowPrompt
from boson_multimodal.model.step_audio2.frontend import log_mel_80, resample
from boson_multimodal.model.step_audio2.speaker import SpeakerEncoder
from boson_multimodal.model.step_audio2.speech_tokenizer import SpeechTokenizer

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

MIN_SECONDS = 0.5
"""Below this there is no voice to continue; 3 to 15 s make a good one."""

LONGEST_SECONDS = 15.0
"""More does not make the voice better, and each utterance holds 65 MB a second of it in keys and values."""

CACHE_BYTES = 64 * 2**20
"""What is kept by default: ten seconds of voice are 0.16 MB."""

CROPPED_CODES = 2


class VoicePrompts:
    """Prepares prompts with the networks of a `token2wav` folder, one at a time. Thread-safe."""

    def __init__(self, folder: Path, cache_bytes: int = CACHE_BYTES) -> None:
        """The networks are opened at the first recording. The longest unused prompts are dropped once all together
        exceed `cache_bytes`."""
        self.tokenizer = SpeechTokenizer(folder)
        self.speaker_encoder = SpeakerEncoder(folder)
        self._cache_bytes = cache_bytes
        self._kept: OrderedDict[bytes, FlowPrompt] = OrderedDict()
        self._one_at_a_time, self._keeping = threading.Lock(), threading.Lock()

    @property
    def kept_bytes(self) -> int:
        """The size of the prompts that are kept."""
        with self._keeping:
            return sum(prompt.size for prompt in self._kept.values())

    def prompt(self, audio: bytes) -> FlowPrompt:
        """The prompt of a recording in any format that `read_audio` reads, of its first 15 s. Blocks.

        Raises `ValueError` when it is no audio or too short, `CheckpointError` for missing networks.
        """
        key = hashlib.sha256(audio).digest()
        if (known := self._known(key)) is not None:
            return known
        with self._one_at_a_time:
            if (known := self._known(key)) is not None:
                return known
            prompt = self._prepare(*read_audio(audio, max_seconds=LONGEST_SECONDS, cut=True))
            with self._keeping:
                self._kept[key] = prompt
                total = sum(kept.size for kept in self._kept.values())
                while total > self._cache_bytes:
                    total -= self._kept.popitem(last=False)[1].size
            return prompt

    def unload(self) -> None:
        """Give back the memory of the networks; prompts are kept."""
        self.tokenizer.network.unload()
        self.speaker_encoder.network.unload()

    def _known(self, key: bytes) -> FlowPrompt | None:
        """A prompt that was prepared before, for which nobody waits."""
        with self._keeping:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def _prepare(self, samples: NDArray[np.float32], rate: int) -> FlowPrompt:
        if len(samples) < MIN_SECONDS * rate:
            raise ValueError(
                f"the recording of a voice lasts {len(samples) / rate:.2f} s; give {MIN_SECONDS:g} s at least, "
                "better 3 to 15 s"
            )
        heard = resample(samples, rate, HEARING_RATE_HZ)[: int(LONGEST_SECONDS * HEARING_RATE_HZ)]
        codes, mel = aligned(self.tokenizer.encode(heard), log_mel_80(resample(samples, rate, SPEECH_RATE_HZ)))
        return FlowPrompt(codes, mel, self.speaker_encoder.encode(heard))


def aligned(codes: Tensor, mel: Tensor) -> tuple[Tensor, Tensor]:
    """Codes `[1, T]` and mel `[1, F, 80]` with exactly two frames for each code.

    The tokenizer rounds its length up and the mel its own down: frames without a code are left out, and so are up to
    two codes without frames. Codes beyond those keep their place, and the last frame is repeated for them.
    """
    whole = mel.shape[1] // FRAMES_PER_CODE
    if 0 < codes.shape[1] - whole <= CROPPED_CODES and whole:
        codes = codes[:, :whole]
    frames = FRAMES_PER_CODE * codes.shape[1]
    missing = max(frames - mel.shape[1], 0)
    padded = F.pad(mel.transpose(1, 2), (0, missing), mode="replicate").transpose(1, 2)
    return codes.contiguous(), padded[:, :frames].contiguous()
