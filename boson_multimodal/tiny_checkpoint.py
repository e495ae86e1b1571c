"""A tiny Higgs Audio v2 with random weights: it loads and speaks like the real one, and says nothing.

For tests and trials on any machine. A few megabytes, written in seconds, the same on every run.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from safetensors.torch import save_file
from torch import Tensor
from transformers import HiggsAudioV2Config, HiggsAudioV2ForConditionalGeneration

from boson_multimodal.tiny_codec import write_tiny_codec
from boson_multimodal.tiny_processor import TOKEN_IDS, VOCABULARY, write_json, write_processor, write_tokenizer

if TYPE_CHECKING:
    from pathlib import Path

END_WEIGHT = 4.0
"""How much further than other codes' the weight of the end varies: a sentence ends after some tens of frames."""


@dataclass(frozen=True, slots=True)
class TinyCheckpoint:
    """The folders: model and codec in the format of transformers, and the same in the original one."""

    model: Path
    codec: Path
    original_model: Path
    original_codec: Path


def write_tiny_checkpoint(  # noqa: PLR0913
    folder: Path,
    *,
    hidden_size: int = 32,
    layers: int = 2,
    heads: int = 4,
    kv_heads: int = 2,
    intermediate_size: int = 64,
    codebooks: int = 8,
    codebook_size: int = 1024,
    seed: int = 0,
) -> TinyCheckpoint:
    """Write all four into `folder`, replacing what they held. `codebook_size` is that of the codec: the model's has
    two more, for the beginning and the end."""
    written = TinyCheckpoint(*(folder / name for name in ("model", "codec", "original_model", "original_codec")))
    for path in (written.model, written.codec, written.original_model, written.original_codec):
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(parents=True)
    config = HiggsAudioV2Config(
        vocab_size=VOCABULARY,
        hidden_size=hidden_size,
        intermediate_size=intermediate_size,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=kv_heads,
        head_dim=hidden_size // heads,
        num_codebooks=codebooks,
        codebook_size=codebook_size + 2,
        audio_stream_bos_id=codebook_size,
        audio_stream_eos_id=codebook_size + 1,
        audio_token_id=TOKEN_IDS["<|AUDIO_OUT|>"],
        audio_bos_token_id=TOKEN_IDS["<|audio_out_bos|>"],
        audio_delay_token_id=TOKEN_IDS["<|reserved_special_token_6|>"],
        pad_token_id=TOKEN_IDS["<|end_of_text|>"],
        bos_token_id=TOKEN_IDS["<|begin_of_text|>"],
        eos_token_id=TOKEN_IDS["<|eot_id|>"],
    )
    tensors = _write_model(written.model, config, seed)
    write_processor(written.model, config, written.codec)
    _write_original(written.original_model, config, tensors)
    for path in (written.model, written.original_model):
        write_tokenizer(path)
    write_tiny_codec(written.codec, written.original_codec, codebooks, codebook_size, seed)
    return written


def _write_model(folder: Path, config: HiggsAudioV2Config, seed: int) -> dict[str, Tensor]:
    """Weights that keep a variance of one through the layers, and spread the logits by about two."""
    with torch.device("meta"):
        model = HiggsAudioV2ForConditionalGeneration(config)
    generator = torch.Generator().manual_seed(seed)
    tensors: dict[str, Tensor] = {}
    for name, slot in model.state_dict().items():
        if slot.ndim == 1:
            tensors[name] = 1 + 0.1 * torch.randn(slot.shape, generator=generator)
            continue
        spread = slot.shape[1] ** -0.5
        if "embed" in name:
            spread = 1.0 if "embed_tokens" in name else config.num_codebooks**-0.5
        elif name == "audio_lm_head.weight":
            spread *= 2
        tensors[name] = spread * torch.randn(slot.shape, generator=generator)
    tensors["audio_lm_head.weight"][config.audio_stream_eos_id] *= END_WEIGHT / 2
    config.architectures = ["HiggsAudioV2ForConditionalGeneration"]
    config.dtype = torch.float32
    config.save_pretrained(folder)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    ids = {name: getattr(config, name) for name in ("bos_token_id", "eos_token_id", "pad_token_id")}
    write_json(folder / "generation_config.json", ids | {"ras_win_len": 7, "ras_win_max_num_repeat": 2})
    return tensors


def _write_original(folder: Path, config: HiggsAudioV2Config, tensors: dict[str, Tensor]) -> None:
    """In two files with an index, the partly trained matrices in two parts, with all that is not used for speech."""
    text_config: dict[str, Any] = {
        "model_type": "llama",
        "max_position_embeddings": 131072,
        "rope_theta": 500000.0,
        # The same wavelengths as the defaults of transformers' format.
        "rope_scaling": {
            "factor": 32.0,
            "high_freq_factor": 4.0,
            "low_freq_factor": 1.0,
            "original_max_position_embeddings": 8192,
            "rope_type": "llama3",
        },
    }
    shared = ("vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads")
    shared += ("num_key_value_heads", "head_dim", "rms_norm_eps", "bos_token_id", "eos_token_id")
    settings = {
        "model_type": "higgs_audio",
        "architectures": ["HiggsAudioModel"],
        "text_config": text_config | {name: getattr(config, name) for name in shared},
        "audio_adapter_type": "dual_ffn",
        "audio_dual_ffn_layers": list(range(config.num_hidden_layers)),
        "audio_num_codebooks": config.num_codebooks,
        "audio_codebook_size": config.codebook_size - 2,
        "audio_stream_bos_id": config.audio_stream_bos_id,
        "audio_stream_eos_id": config.audio_stream_eos_id,
        "audio_in_token_idx": TOKEN_IDS["<|AUDIO|>"],
        "audio_out_token_idx": config.audio_token_id,
        "audio_out_bos_token_id": config.audio_bos_token_id,
        "audio_eos_token_id": TOKEN_IDS["<|audio_eos|>"],
        "pad_token_id": config.pad_token_id,
        "torch_dtype": "float32",
    }
    write_json(folder / "config.json", settings)
    text_head = torch.zeros(config.vocab_size, config.hidden_size)
    original = {"audio_codebook_weights": torch.ones(config.num_codebooks) / config.num_codebooks}
    for name, tensor in (tensors | {"text_lm_head.weight": text_head}).items():
        short = name.removeprefix("model.").replace(
            "embed_audio_tokens.embed_audio_tokens", "audio_codebook_embeddings"
        )
        if short == "embed_tokens.weight":
            _split(original, "embed_tokens.embedding", tensor, config.audio_token_id)
        elif short.endswith("_lm_head.weight"):
            _split(original, f"audio_decoder_proj.{short.removesuffix('.weight')}.linear", tensor, len(tensor) // 2)
        else:
            original[short] = tensor
    files = {name: f"model-0000{index % 2 + 1}-of-00002.safetensors" for index, name in enumerate(sorted(original))}
    for file in sorted(set(files.values())):
        part = {name: tensor for name, tensor in original.items() if files[name] == file}
        save_file(part, folder / file, metadata={"format": "pt"})
    write_json(folder / "model.safetensors.index.json", {"metadata": {}, "weight_map": files})


def _split(tensors: dict[str, Tensor], name: str, whole: Tensor, rows: int) -> None:
    tensors[f"{name}_frozen.weight"] = whole[:rows].contiguous()
    tensors[f"{name}_trainable.weight"] = whole[rows:].contiguous()
