"""The codec's checkpoint in its original format: what its settings mean, and how its tensors are named."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

_UNIT = ("snake1", "conv1", "snake2", "conv2")
_STACKS = (
    ("encoder.block", "acoustic_encoder", ("res_unit1", "res_unit2", "res_unit3", "snake1", "conv1")),
    ("decoder_2.model", "acoustic_decoder", ("snake1", "conv_t1", "res_unit1", "res_unit2", "res_unit3")),
)
"""Of the encoder and the decoder: the two names, and a block's parts in order."""


def acoustic_names(blocks: int) -> dict[str, str]:
    """Original name -> transformers' name of every layer of an encoder and a decoder with so many blocks."""
    names: dict[str, str] = {}
    for old, new, parts in _STACKS:
        names[f"{old}.0"] = f"{new}.conv1"
        names[f"{old}.{blocks + 1}"] = f"{new}.snake1"
        names[f"{old}.{blocks + 2}"] = f"{new}.conv2"
        for i in range(blocks):
            for j, part in enumerate(parts):
                inner = f"{old}.{i + 1}.block.{j}"
                if part.startswith("res_unit"):
                    names |= {f"{inner}.block.{k}": f"{new}.block.{i}.{part}.{name}" for k, name in enumerate(_UNIT)}
                else:
                    names[inner] = f"{new}.block.{i}.{part}"
    return names


def native_codec(settings: dict[str, Any], tensors: dict[str, Tensor]) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Settings and tensors with plain weights, as they are in the original format -> as in that of transformers."""
    names = acoustic_names(len(settings["ratios"]))
    names |= {"fc_prior": "fc", "fc_post1": "fc1", "fc_post2": "fc2"}
    native = {_native_name(name, names): tensor for name, tensor in tensors.items()}
    return _native_settings(settings, native), native


def _native_name(name: str, names: dict[str, str]) -> str:
    layer, _, leaf = name.rpartition(".")
    if layer in names:
        return f"{names[layer]}.{leaf}"
    if name.startswith("quantizer."):
        return name.replace("quantizer.vq.layers.", "quantizer.quantizers.").replace("._codebook.", ".codebook.")
    if name.startswith(("encoder_semantic.", "decoder_semantic.")):
        for convolution in ("conv", "conv1", "conv2"):
            name = name.replace(f".{convolution}.conv.", f".{convolution}.")
    return name


def _native_settings(settings: dict[str, Any], tensors: dict[str, Tensor]) -> dict[str, Any]:
    """What the settings leave to the code, the widths of the networks, is read off the tensors."""

    def width(name: str, default: int) -> int:
        return tensors[name].shape[0] if name in tensors else default

    ratios = list(settings["ratios"])
    return {
        "model_type": "higgs_audio_v2_tokenizer",
        "sample_rate": settings.get("sample_rate", 16000),
        "target_bandwidths": list(settings.get("target_bandwidths", (1, 1.5, 2, 4, 6))),
        "codebook_size": settings.get("bins", 1024),
        "codebook_dim": settings.get("codebook_dim"),
        "semantic_sample_rate": settings.get("semantic_sample_rate") or 16000,
        "acoustic_model_config": {
            "model_type": "dac",
            "encoder_hidden_size": width("acoustic_encoder.conv1.weight", 64),
            "decoder_hidden_size": width("acoustic_decoder.conv1.weight", 1024),
            "hidden_size": settings.get("D", 128),
            "downsampling_ratios": ratios,
            "upsampling_ratios": ratios,
        },
        "semantic_model_config": _semantic_settings(tensors),
    }


def _semantic_settings(tensors: dict[str, Tensor]) -> dict[str, Any]:
    """Of a HuBERT with heads 64 wide, as the base model's are."""
    model = {
        name.removeprefix("semantic_model."): tensor.shape
        for name, tensor in tensors.items()
        if name.startswith("semantic_model.")
    }
    settings: dict[str, Any] = {"model_type": "hubert", "mask_time_prob": 0.0}
    if "encoder.layer_norm.weight" not in model:
        return settings
    hidden = model["encoder.layer_norm.weight"][0]
    convolutions = [name for name in model if name.startswith("feature_extractor.") and name.endswith(".conv.weight")]
    positions = model["encoder.pos_conv_embed.conv.weight"]
    return settings | {
        "hidden_size": hidden,
        "num_attention_heads": max(1, hidden // 64),
        "num_hidden_layers": sum(name.endswith(".attention.q_proj.weight") for name in model),
        "intermediate_size": model["encoder.layers.0.feed_forward.intermediate_dense.weight"][0],
        "conv_dim": [model[f"feature_extractor.conv_layers.{i}.conv.weight"][0] for i in range(len(convolutions))],
        "conv_bias": "feature_extractor.conv_layers.0.conv.bias" in model,
        "num_conv_pos_embeddings": positions[2],
        "num_conv_pos_embedding_groups": hidden // positions[1],
    }
