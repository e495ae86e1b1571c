"""The flow of Step-Audio 2: speech codes and a voice to a mel spectrogram, whole utterances at a time.

`flow_stream` does the same by chunks. The two differ: here every frame sees all others, there none sees a later chunk.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from boson_multimodal.model.step_audio2.config import FRAMES_PER_CODE
from boson_multimodal.model.step_audio2.conformer import ConformerEncoder
from boson_multimodal.model.step_audio2.flow_matching import FlowMatching, join_conditions
from boson_multimodal.model.step_audio2.noise import Noise

if TYPE_CHECKING:
    from collections.abc import Sequence

    from boson_multimodal.model.step_audio2.config import FlowConfig


@dataclass(frozen=True, slots=True, eq=False)
class FlowPrompt:
    """A voice: how a piece of its speech reads in codes and looks as a spectrogram, and who speaks.

    codes: `[1, T]`, 25 a second
    mel: `[1, 2T, 80]`, the logarithmic spectrogram of the same piece, 50 frames a second
    speaker: `[1, 192]`, the embedding of the speaker, of any length

    Shared by utterances: its tensors are not to be changed.
    """

    codes: Tensor
    mel: Tensor
    speaker: Tensor

    @property
    def size(self) -> int:
        """Bytes."""
        return sum(tensor.numel() * tensor.element_size() for tensor in (self.codes, self.mel, self.speaker))

    def __post_init__(self) -> None:
        frames = FRAMES_PER_CODE * self.codes.shape[-1]
        if self.codes.ndim != 2 or self.mel.ndim != 3 or self.speaker.ndim != 2:
            raise ValueError("a prompt is codes [1, T], mel [1, 2T, channels] and speaker [1, size]")
        if not len(self.codes) == len(self.mel) == len(self.speaker) == 1 or self.mel.shape[1] != frames:
            shapes = ", ".join(str(list(part.shape)) for part in (self.codes, self.mel, self.speaker))
            raise ValueError(f"a prompt is one voice with {FRAMES_PER_CODE} frames of mel a code; here are {shapes}")


class Flow(nn.Module):
    """Embeddings, encoder and solver. Parameters are named as in the checkpoint."""

    def __init__(self, config: FlowConfig) -> None:
        super().__init__()
        self.config = config
        self.input_embedding = nn.Embedding(config.vocab_size, config.input_size)
        self.spk_embed_affine_layer = nn.Linear(config.spk_embed_dim, config.output_size)
        self.encoder = ConformerEncoder(config.encoder)
        self.encoder_proj = nn.Linear(config.encoder.output_size, config.output_size)
        self.decoder = FlowMatching(config.decoder)

    def generate(self, codes: Sequence[int] | Tensor, prompt: FlowPrompt, seed: int) -> Tensor:
        """`codes [N]`, spoken by the prompt's voice -> mel `[80, 2N]`, float32, on the flow's device.

        Raises `ValueError` for an id that is no speech code, and for a prompt that does not fit.
        """
        return self.generate_batch([codes], [prompt], [seed])[0]

    @torch.inference_mode()
    def generate_batch(
        self, codes: Sequence[Sequence[int] | Tensor], prompts: Sequence[FlowPrompt], seeds: Sequence[int]
    ) -> list[Tensor]:
        """Several utterances at once, each as `generate` makes it alone, up to rounding.

        Needs one prompt and one seed for each. Raises as `generate`.
        """
        rows = [
            torch.cat((self.check_prompt(prompt), self.check_codes(row)))
            for row, prompt in zip(codes, prompts, strict=True)
        ]
        lengths = torch.tensor([len(row) for row in rows])
        mask = None
        if len(lengths.unique()) > 1:
            mask = (torch.arange(int(lengths.max())) < lengths[:, None])[:, None].to(self.device)
        mu = self.encoder_proj(self.encoder(self.embed(pad_sequence(rows, batch_first=True)), mask))

        noises = [
            Noise(seed, self.config.output_size).take(FRAMES_PER_CODE * len(row))
            for seed, row in zip(seeds, rows, strict=True)
        ]
        known = torch.zeros_like(mu)
        for row, prompt in zip(known, prompts, strict=True):
            row[: prompt.mel.shape[1]] = prompt.mel[0]
        speakers = torch.cat([self.speaker(prompt) for prompt in prompts])
        mel = self.decoder.solve(
            pad_sequence(noises, batch_first=True).to(self.device),
            join_conditions(mu, speakers, known),
            None if mask is None else mask.repeat_interleave(FRAMES_PER_CODE, dim=-1),
        )
        return [
            row[prompt.mel.shape[1] : FRAMES_PER_CODE * length].T
            for row, prompt, length in zip(mel, prompts, lengths.tolist(), strict=True)
        ]

    @property
    def device(self) -> torch.device:
        """Where the parameters are; inputs may be anywhere."""
        return self.encoder_proj.weight.device

    def embed(self, codes: Tensor) -> Tensor:
        """Codes `[B, T]` -> what the encoder takes, `[B, T, input_size]`."""
        return self.input_embedding(codes.to(self.device))

    def speaker(self, prompt: FlowPrompt) -> Tensor:
        """The speaker as a condition of the solver, `[1, 80]`."""
        weight = self.spk_embed_affine_layer.weight
        return self.spk_embed_affine_layer(F.normalize(prompt.speaker.to(weight.device).float()).to(weight.dtype))

    def check_codes(self, codes: Sequence[int] | Tensor) -> Tensor:
        """`codes [N]` as a tensor on the CPU. Raises `ValueError` naming the first that is no speech code."""
        ids = torch.as_tensor(codes, device="cpu").long()
        if ids.ndim != 1:
            raise ValueError(f"codes have the shape [N], not {list(ids.shape)}")
        wrong = ids[(ids < 0) | (ids >= self.config.vocab_size)]
        if len(wrong):
            raise ValueError(f"{int(wrong[0])} is no speech code; these are 0 to {self.config.vocab_size - 1}")
        return ids

    def check_prompt(self, prompt: FlowPrompt) -> Tensor:
        """The prompt's codes `[T]` as `check_codes` gives them. Raises `ValueError` for a prompt of another model."""
        config = self.config
        channels, size = prompt.mel.shape[-1], prompt.speaker.shape[-1]
        if (channels, size) != (config.output_size, config.spk_embed_dim):
            raise ValueError(
                f"the prompt has {channels} mel channels and a speaker of {size} values; "
                f"this flow takes {config.output_size} and {config.spk_embed_dim}"
            )
        least = config.encoder.pre_lookahead_len
        if prompt.codes.shape[1] < least:
            raise ValueError(f"the prompt has {prompt.codes.shape[1]} codes; it needs at least {least}")
        return self.check_codes(prompt.codes[0])
