"""Token2wav of Step-Audio 2: speech codes, 25 a second, to 24 kHz sound in the voice of a recording."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from boson_multimodal.model.step_audio2.config import read_flow_config
from boson_multimodal.model.step_audio2.flow_stream import FlowStream
from boson_multimodal.model.step_audio2.hift_stream import VocoderStream
from boson_multimodal.model.step_audio2.loading import load_flow, load_hift
from boson_multimodal.model.step_audio2.prompts import VoicePrompts

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from boson_multimodal.model.step_audio2.flow import FlowPrompt


@dataclass(frozen=True, slots=True)
class CodePlan:
    """How many codes are turned into sound at once. Each time costs the flow about as much, however many they are: a
    small `first` chunk is heard early, larger ones after it keep ahead of the listener. What is spoken depends on the
    plan, since no frame sees a later chunk, and not on how the codes arrive."""

    first: int = 10
    following: int = 25

    def __post_init__(self) -> None:
        if self.first < 1 or self.following < 1:
            raise ValueError(f"a chunk has one code or more, not {min(self.first, self.following)}")


class Token2Wav:
    """The flow, the vocoder and the networks that read a voice, from one `token2wav` folder. Threads take turns."""

    def __init__(self, folder: Path, device: str = "cpu", dtype: torch.dtype = torch.float32) -> None:
        """`dtype` is the flow's; the vocoder runs in fp32. Raises `CheckpointError` when the folder cannot be used."""
        self.flow = load_flow(folder / "flow.pt", read_flow_config(folder / "flow.yaml"), device, dtype)
        self.vocoder = load_hift(folder, device)
        self.prompts = VoicePrompts(folder)
        self.one_at_a_time = threading.Lock()

    def to(self, device: str) -> Token2Wav:
        """Itself, with the flow and the vocoder moved to `device`. For no open utterance."""
        self.flow.to(device)
        self.vocoder.to(device)
        return self

    def open(self, voice: bytes, seed: int, plan: CodePlan) -> Token2WavStream:
        """A new utterance in the voice of the recording `voice`. Raises `ValueError` for what is no recording."""
        prompt = self.prompts.prompt(voice)
        with self.one_at_a_time:
            return Token2WavStream(self, prompt, seed, plan)

    def generate(self, codes: Sequence[Sequence[int]], voices: Sequence[bytes], seed: int) -> list[NDArray[np.float32]]:
        """Whole utterances at once, every frame of which sees all of its utterance: a little better than streamed,
        and not the same samples. Raises `ValueError` for ids that are no speech codes and what is no recording."""
        prompts = [self.prompts.prompt(voice) for voice in voices]
        with self.one_at_a_time:
            mels = self.flow.generate_batch(codes, prompts, [seed] * len(codes))
            return [VocoderStream(self.vocoder, seed).finish(mel) for mel in mels]


class Token2WavStream:
    """One utterance, code by code. Not for several threads at once."""

    def __init__(self, model: Token2Wav, prompt: FlowPrompt, seed: int, plan: CodePlan) -> None:
        self._model = model
        self._plan = plan
        self._flow = FlowStream(model.flow, prompt, seed)
        self._vocoder = VocoderStream(model.vocoder, seed)
        self._waiting: list[int] = []
        self._finished = False
        self._due = plan.first + model.flow.encoder.ahead

    def push(self, codes: Sequence[int]) -> NDArray[np.float32]:
        """The samples that are certain with these codes, maybe none.

        Raises `ValueError` for an id that is no speech code, which leaves the stream as it was, and `RuntimeError`
        after `finish`.
        """
        if self._finished:
            raise RuntimeError("the utterance is finished; open another stream")
        self._waiting += self._model.flow.check_codes(codes).tolist()
        pieces: list[NDArray[np.float32]] = [np.zeros(0, np.float32)]
        while len(self._waiting) >= self._due:
            chunk, self._waiting = self._waiting[: self._due], self._waiting[self._due :]
            self._due = self._plan.following
            with self._model.one_at_a_time:
                pieces.append(self._vocoder.push(self._flow.push(chunk)))
        return np.concatenate(pieces)

    def finish(self) -> NDArray[np.float32]:
        """All that is left: 960 samples a code altogether. Raises `RuntimeError` the second time."""
        rest, self._waiting, self._finished = self._waiting, [], True
        with self._model.one_at_a_time:
            return self._vocoder.finish(self._flow.finish(rest))
