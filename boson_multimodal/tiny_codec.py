"""A tiny codec with random weights that sounds, in the format of transformers and in the original one."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers import HiggsAudioV2TokenizerConfig

from boson_multimodal.model.higgs_audio.codec import HiggsCodec, acoustic_config
from boson_multimodal.model.higgs_audio.original_codec import acoustic_names
from boson_multimodal.model.higgs_audio.reference_encoder import ReferenceEncoder
from boson_multimodal.tiny_processor import write_json

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

RATIOS = [8, 5, 4, 2, 3]
LOUDNESS = 0.1
"""The root mean square of what random codes decode to."""

_POSITIONS = "semantic_model.encoder.pos_conv_embed.conv"


def write_tiny_codec(native: Path, original: Path, codebooks: int, codebook_size: int, seed: int) -> None:
    """Write the same codec to both folders, which exist."""
    bits = math.ceil(math.log2(codebook_size))
    config = HiggsAudioV2TokenizerConfig(
        architectures=["HiggsAudioV2TokenizerModel"],
        target_bandwidths=[25 * bits * count / 1000 for count in range(codebooks // 4 or 1, codebooks + 1)],
        codebook_size=codebook_size,
        codebook_dim=8,
        acoustic_model_config={
            "model_type": "dac",
            "encoder_hidden_size": 2,
            "decoder_hidden_size": 128,
            "hidden_size": 16,
            "downsampling_ratios": RATIOS,
            "upsampling_ratios": RATIOS,
        },
        semantic_model_config={
            "model_type": "hubert",
            "mask_time_prob": 0.0,
            "hidden_size": 16,
            "num_attention_heads": 1,
            "num_hidden_layers": 2,
            "intermediate_size": 32,
            "conv_dim": [8] * 7,
            "num_conv_pos_embeddings": 16,
            "num_conv_pos_embedding_groups": 2,
        },
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        tensors = _weights(config)
    config.save_pretrained(native)
    write_json(
        native / "preprocessor_config.json",
        {"feature_extractor_type": "DacFeatureExtractor", "feature_size": 1, "hop_length": 960, "sampling_rate": 24000},
    )
    positions = tensors[f"{_POSITIONS}.weight"]
    normalised = {name: tensor for name, tensor in tensors.items() if name != f"{_POSITIONS}.weight"}
    normalised[f"{_POSITIONS}.parametrizations.weight.original0"] = _norm(positions, (0, 1))
    normalised[f"{_POSITIONS}.parametrizations.weight.original1"] = positions
    save_file(normalised, native / "model.safetensors", metadata={"format": "pt"})
    _write_original(original, config, normalised)


def _weights(config: HiggsAudioV2TokenizerConfig) -> dict[str, Tensor]:
    """Random weights under which activations have a variance of about one, and the output `LOUDNESS`."""
    codec, encoder = HiggsCodec(config).eval(), ReferenceEncoder(config).eval()
    stages = len(codec.quantizer.stages)
    for stage, encoding in zip(codec.quantizer.stages, encoder.quantizer.stages, strict=True):
        nn.init.normal_(stage.codebook.embed)
        nn.init.normal_(stage.project_out.weight, std=(config.codebook_dim * stages) ** -0.5)
        assert encoding.project_in is not None
        nn.init.normal_(encoding.project_in.weight, std=config.hidden_size**-0.5)
    nn.init.orthogonal_(encoder.fc.weight)
    codes = torch.randint(config.codebook_size, (1, stages, 50))
    with torch.no_grad():
        _calibrate(codec.fc2, codec.acoustic_decoder, run=lambda: codec(codes))
        for parameter in codec.acoustic_decoder.conv2.parameters():
            parameter.mul_(LOUDNESS)
        sound = torch.randn(1, 1, config.sample_rate) * LOUDNESS
        _calibrate(encoder.acoustic_encoder, run=lambda: encoder.acoustic_encoder(sound))
        features = torch.randn(1, config.semantic_hidden_size, 50)
        _calibrate(encoder.encoder_semantic, run=lambda: encoder.encoder_semantic(features))
    state = encoder.state_dict() | codec.state_dict()
    return {name: tensor.contiguous() for name, tensor in state.items()}


def _calibrate(*parts: nn.Module, run: Callable[[], object]) -> None:
    """Scale every layer of `parts` so that its output in `run` has a standard deviation of one."""

    def scale(layer: nn.Module, _inputs: object, output: Tensor) -> Tensor:
        deviation = output.std()
        for parameter in layer.parameters():
            parameter.div_(deviation)
        return output / deviation

    layers = [m for part in parts for m in part.modules() if isinstance(m, nn.Linear | nn.Conv1d | nn.ConvTranspose1d)]
    hooks = [layer.register_forward_hook(scale) for layer in layers]
    run()
    for hook in hooks:
        hook.remove()


def _write_original(folder: Path, config: HiggsAudioV2TokenizerConfig, tensors: dict[str, Tensor]) -> None:
    """The acoustic layers with normalised weights, all by their original names."""
    write_json(
        folder / "config.json",
        {
            "n_filters": 32,
            "D": acoustic_config(config).hidden_size,
            "target_bandwidths": config.target_bandwidths,
            "ratios": RATIOS,
            "sample_rate": config.sample_rate,
            "bins": config.codebook_size,
            "n_q": config.num_quantizers,
            "codebook_dim": config.codebook_dim,
            "semantic_techer": "hubert_base_general",
        },
    )
    names = {native: original for original, native in acoustic_names(len(RATIOS)).items()}
    names |= {"fc": "fc_prior", "fc2": "fc_post2"}
    original: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        layer, _, leaf = name.rpartition(".")
        if layer.startswith("acoustic_") and leaf == "weight":
            original[f"{names[layer]}.weight_g"] = _norm(tensor, tuple(range(1, tensor.ndim)))
            original[f"{names[layer]}.weight_v"] = tensor
        elif layer in names:
            original[f"{names[layer]}.{leaf}"] = tensor
        elif layer.startswith("quantizer."):
            renamed = name.replace("quantizer.quantizers.", "quantizer.vq.layers.")
            original[renamed.replace(".codebook.", "._codebook.")] = tensor
        elif layer.startswith("encoder_semantic.") and not re.search(r"res_units\.\d\.conv2$", layer):
            original[f"{layer}.conv.{leaf}"] = tensor
        else:
            original[name] = tensor
    torch.save(original, folder / "model.pth")


def _norm(weight: Tensor, axes: tuple[int, ...]) -> Tensor:
    return torch.linalg.vector_norm(weight, dim=axes, keepdim=True)
