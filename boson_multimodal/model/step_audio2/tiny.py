"""A tiny flow with random weights, in the files of the checkpoint: it loads and runs like the real one, in no time."""

from __future__ import annotations

import math
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any

import torch

from boson_multimodal.model.step_audio2.config import (
    EncoderConfig,
    EstimatorConfig,
    FlowConfig,
    SolverConfig,
    read_flow_config,
)
from boson_multimodal.model.step_audio2.flow import Flow

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

TINY_FLOW = FlowConfig(
    encoder=EncoderConfig(
        input_size=32, output_size=32, num_blocks=2, num_up_blocks=1, attention_heads=2, linear_units=64
    ),
    decoder=SolverConfig(estimator=EstimatorConfig(depth=2, num_heads=2, head_dim=16, hidden_size=32, mlp_ratio=2.0)),
    input_size=32,
)
"""All sizes that others see are the real ones: 6561 codes, 80 channels, speakers of 192 values."""

_TAGS = {
    FlowConfig: "!new:cosyvoice2.flow.flow.CausalMaskedDiffWithXvec",
    EncoderConfig: "!new:cosyvoice2.transformer.upsample_encoder_v2.UpsampleConformerEncoderV2",
    SolverConfig: "!new:cosyvoice2.flow.flow_matching.CausalConditionalCFM",
    EstimatorConfig: "!new:cosyvoice2.flow.decoder_dit.DiT",
}


def write_tiny_flow(folder: Path, seed: int = 0) -> FlowConfig:
    """Write `flow.yaml` and `flow.pt` into `folder`, which exists; the same `seed` gives the same weights."""
    (folder / "flow.yaml").write_text(f"flow: {_yaml(TINY_FLOW, 1)}\n", encoding="utf-8")
    torch.save(random_weights(TINY_FLOW, seed), folder / "flow.pt")
    return read_flow_config(folder / "flow.yaml")


def random_weights(config: FlowConfig, seed: int) -> dict[str, Tensor]:
    """Weights that keep a variance of about one through the layers, none of them zero: gates are open."""
    with torch.device("meta"):
        slots = Flow(config).state_dict()
    generator = torch.Generator().manual_seed(seed)
    weights: dict[str, Tensor] = {}
    for name, slot in slots.items():
        noise = torch.randn(slot.shape, generator=generator)
        if slot.ndim == 1:
            weights[name] = 0.1 * noise + (1.0 if name.endswith(".weight") else 0.0)
        elif name == "input_embedding.weight" or "pos_bias" in name:
            weights[name] = noise
        else:
            weights[name] = noise / math.sqrt(math.prod(slot.shape[1:]))
    return weights


def _yaml(part: Any, depth: int) -> str:
    """`part` as a tagged mapping, indented by `depth`."""
    lines = [_TAGS[type(part)]]
    for field in fields(part):
        value = getattr(part, field.name)
        lines.append("  " * depth + f"{field.name}: {_yaml(value, depth + 1) if is_dataclass(value) else value}")
    return "\n".join(lines)
