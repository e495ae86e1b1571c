"""What the benchmark runs: a model, a codec and prompts of chosen sizes, all random, made on the device itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn
from transformers import HiggsAudioV2Config, HiggsAudioV2ForConditionalGeneration, HiggsAudioV2TokenizerConfig

from boson_multimodal.model.higgs_audio.codec import HiggsCodec
from boson_multimodal.model.higgs_audio.sampling import SamplingParams

if TYPE_CHECKING:
    from numpy.typing import NDArray

PARAMS = SamplingParams()
_RATIOS = [8, 5, 4, 2, 3]


@dataclass(frozen=True, slots=True)
class CodecShape:
    """The widths of a codec's decoding half; the real ones if not given."""

    hidden: int = 256
    decoder_hidden: int = 1024
    codebook_dim: int = 64


@dataclass(frozen=True, slots=True)
class Shape:
    """The sizes of a model (as of `HiggsAudioV2Config`) and of its codec (`CodecShape`)."""

    name: str
    model: dict[str, int]
    codec: CodecShape


_SMALL_IDS = {
    "vocab_size": 320,
    "audio_token_id": 300,
    "audio_bos_token_id": 301,
    "audio_delay_token_id": 302,
    "pad_token_id": 303,
    "eos_token_id": 304,
    "bos_token_id": 305,
}
SMALL = Shape(
    "small",
    {
        "hidden_size": 512,
        "intermediate_size": 1376,
        "num_hidden_layers": 8,
        "num_attention_heads": 8,
        "num_key_value_heads": 4,
        "head_dim": 64,
        **_SMALL_IDS,
    },
    CodecShape(hidden=64, decoder_hidden=128, codebook_dim=16),
)
REAL = Shape("3b", {"bos_token_id": 128000}, CodecShape())
SHAPES = {shape.name: shape for shape in (SMALL, REAL)}


def random_model(
    shape: Shape, device: torch.device, dtype: torch.dtype, seed: int = 0
) -> HiggsAudioV2ForConditionalGeneration:
    """Weights that keep activations at a variance of about one, drawn on `device`: the same for the same seed."""
    sizes: dict[str, Any] = {"codebook_size": 1026, **shape.model}
    config = HiggsAudioV2Config(**sizes)
    with torch.device("meta"):
        model = HiggsAudioV2ForConditionalGeneration(config)
    generator = torch.Generator(device).manual_seed(seed)
    tensors: dict[str, torch.Tensor] = {}
    for name, slot in model.state_dict().items():
        tensor = torch.empty(slot.shape, device=device, dtype=dtype)
        spread = slot.shape[-1] ** -0.5 * (2 if name == "audio_lm_head.weight" else 1)
        if slot.ndim == 1:
            tensor.fill_(1)
        else:
            tensor.normal_(0, 1 if "embed" in name else spread, generator=generator)
        tensors[name] = tensor
    # A logit of 0 among others spread by 2 lies outside the likeliest 95 %: an end is not drawn.
    tensors["audio_lm_head.weight"].view(config.num_codebooks, -1, config.hidden_size)[:, -2:] = 0
    model.load_state_dict(tensors, assign=True)
    model.model.rotary_emb = type(model.model.rotary_emb)(config).to(device)
    offsets = torch.arange(config.num_codebooks, device=device) * config.codebook_size
    model.model.embed_audio_tokens.audio_tokens_offsets = nn.Buffer(offsets, persistent=False)
    repeats: Any = model.generation_config
    repeats.ras_win_len = PARAMS.ras_win_len
    repeats.ras_win_max_num_repeat = PARAMS.ras_win_max_num_repeat
    return model.eval().requires_grad_(False)


def random_rows(rng: np.random.Generator, config: HiggsAudioV2Config, length: int) -> NDArray[np.int64]:
    """A prompt `[length, 1 + C]` of random text around a reference of half its length, that ends by asking for
    audio."""
    rows = np.zeros((length, 1 + config.num_codebooks), dtype=np.int64)
    rows[:, 0] = rng.integers(0, min(config.audio_bos_token_id, config.audio_token_id), length)
    rows[-1, 0] = config.audio_bos_token_id
    reference = rows[4 : 4 + length // 2]
    reference[:, 0] = config.audio_token_id
    reference[:, 1:] = rng.integers(0, config.audio_stream_bos_id, (len(reference), config.num_codebooks))
    return rows


def random_codec(shape: CodecShape, device: torch.device) -> HiggsCodec:
    """A codec of these widths for eight codebooks of 1024 codes, 25 frames a second."""
    config = HiggsAudioV2TokenizerConfig(
        target_bandwidths=[0.5, 1, 1.5, 2],
        codebook_dim=shape.codebook_dim,
        acoustic_model_config={
            "model_type": "dac",
            "hidden_size": shape.hidden,
            "decoder_hidden_size": shape.decoder_hidden,
            "downsampling_ratios": _RATIOS,
            "upsampling_ratios": _RATIOS,
        },
    )
    with device:
        codec = HiggsCodec(config)
        for stage in codec.quantizer.stages:
            stage.codebook.embed.normal_()
    return codec.eval().requires_grad_(False)
