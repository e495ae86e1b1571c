"""Random models of a few thousand parameters, prompts for them, and what transformers generates from those."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from transformers import HiggsAudioV2Config, HiggsAudioV2ForConditionalGeneration
from transformers.generation.logits_process import LogitsProcessor

if TYPE_CHECKING:
    from numpy.typing import NDArray

AUDIO, AUDIO_BOS, DELAY, PAD, EOT, BEGIN = range(300, 306)
TEXT_IDS = 300


def random_model(
    seed: int,
    *,
    codebooks: int = 8,
    codes: int = 64,
    hidden: int = 32,
    layers: int = 2,
    dtype: torch.dtype = torch.float64,
) -> HiggsAudioV2ForConditionalGeneration:
    """Weights such that logits differ clearly. In float64 two logits are practically never as good as equal."""
    torch.manual_seed(seed)
    config = HiggsAudioV2Config(
        vocab_size=320,
        hidden_size=hidden,
        intermediate_size=2 * hidden,
        num_hidden_layers=layers,
        num_attention_heads=4,
        num_key_value_heads=(2, 4)[seed % 2],
        head_dim=hidden // 4,
        num_codebooks=codebooks,
        codebook_size=codes + 2,
        audio_token_id=AUDIO,
        audio_bos_token_id=AUDIO_BOS,
        audio_delay_token_id=DELAY,
        audio_stream_bos_id=codes,
        audio_stream_eos_id=codes + 1,
        pad_token_id=PAD,
        eos_token_id=EOT,
        bos_token_id=BEGIN,
    )
    model = HiggsAudioV2ForConditionalGeneration(config).eval()
    for parameter in model.parameters():
        if parameter.ndim > 1:
            parameter.data.normal_(0, parameter.shape[-1] ** -0.5)
        parameter.requires_grad_(False)
    return model.to(dtype)


def random_rows(rng: np.random.Generator, length: int, *, audio: int = 0, codebooks: int = 8) -> NDArray[np.int64]:
    """A prompt `[length, 1 + C]` of random text that ends by asking for audio, `audio` columns of a reference in it.

    Ten positions at least: transformers reads the delay pattern off the last eight.
    """
    rows = np.zeros((length, 1 + codebooks), dtype=np.int64)
    rows[:, 0] = rng.integers(0, TEXT_IDS, length)
    rows[-1, 0] = AUDIO_BOS
    rows[2 : 2 + audio, 0] = AUDIO
    rows[2 : 2 + audio, 1:] = rng.integers(0, 64, (audio, codebooks))
    return rows


class _OneEnd(LogitsProcessor):
    """What the engine adds to transformers' policy: no BOS, and EOS only in the first codebook or where it is due."""

    def __init__(self, codebooks: int, size: int) -> None:
        self._shape = codebooks, size

    def __call__(self, input_ids: torch.LongTensor, scores: torch.FloatTensor) -> torch.FloatTensor:
        codebooks, size = self._shape
        masked = scores.clone().view(-1, codebooks, size)
        ends = masked[:, :, size - 1].clone()
        masked[:, :, size - 2] = -1e9
        masked[:, 1:, size - 1] = -1e9
        due = int((input_ids[0] == DELAY).sum())
        if 0 < due < codebooks:
            masked[:, due, size - 1] = ends[:, due]
        return masked.view(scores.shape)


def generated(model: HiggsAudioV2ForConditionalGeneration, rows: NDArray[np.int64], columns: int) -> list[list[int]]:
    """The columns `transformers.generate` finds greedily, repetition-aware sampling off, from the BOS column on."""
    codebooks, size = model.config.num_codebooks, model.config.codebook_size

    def processors(*args: object, **kwargs: object) -> object:
        found = type(model)._get_logits_processor(model, *args, **kwargs)
        found.insert(0, _OneEnd(codebooks, size))
        return found

    model._get_logits_processor = processors
    ids = torch.from_numpy(rows[:, 0])[None]
    audio = torch.from_numpy(rows[rows[:, 0] == AUDIO][:, 1:])[None]
    given = {"audio_input_ids": audio, "audio_input_ids_mask": torch.ones(audio.shape[:2], dtype=torch.bool)}
    found = model.generate(
        input_ids=ids,
        attention_mask=torch.ones_like(ids),
        do_sample=False,
        max_new_tokens=columns,
        ras_win_len=None,
        ras_win_max_num_repeat=None,
        **(given if audio.shape[1] else {}),
    )[0]
    first = int((found == codebooks_of(model, size - 2)).all(dim=-1).nonzero()[-1])
    return found[first:].tolist()


def codebooks_of(model: HiggsAudioV2ForConditionalGeneration, code: int) -> torch.Tensor:
    """A column of nothing but `code`."""
    return torch.full((model.config.num_codebooks,), code)
