"""The full-size graph has the parameters of the published checkpoint, name by name."""

from __future__ import annotations

import math

import torch

from boson_multimodal.model.step_audio2.config import FlowConfig
from boson_multimodal.model.step_audio2.flow import Flow

Shapes = dict[str, tuple[int, ...]]


def layer(name: str, *shape: int) -> Shapes:
    """A weight of this shape, and a bias of its first size."""
    return {f"{name}.weight": shape, f"{name}.bias": shape[:1]}


def conformer_block(name: str) -> Shapes:
    """One block of the encoder."""
    shapes: Shapes = {f"{name}.self_attn.linear_pos.weight": (512, 512)}
    for projection in "qkv":
        shapes |= layer(f"{name}.self_attn.linear_{projection}", 512, 512)
    shapes |= layer(f"{name}.self_attn.linear_out", 512, 512)
    shapes |= {f"{name}.self_attn.pos_bias_{which}": (8, 64) for which in "uv"}
    shapes |= layer(f"{name}.feed_forward.w_1", 2048, 512) | layer(f"{name}.feed_forward.w_2", 512, 2048)
    return shapes | layer(f"{name}.norm_mha", 512) | layer(f"{name}.norm_ff", 512)


def estimator_block(name: str) -> Shapes:
    """One block of the estimator."""
    shapes: Shapes = {}
    for projection in ("to_q", "to_k", "to_v", "proj"):
        shapes |= layer(f"{name}.attn.{projection}", 512, 512)
    shapes |= layer(f"{name}.attn.q_norm", 64) | layer(f"{name}.attn.k_norm", 64)
    shapes |= layer(f"{name}.mlp.fc1", 2048, 512) | layer(f"{name}.mlp.fc2", 512, 2048)
    shapes |= layer(f"{name}.conv.block.1", 512, 512, 3) | layer(f"{name}.conv.block.6", 512, 512, 3)
    return shapes | layer(f"{name}.conv.block.3", 512) | layer(f"{name}.adaLN_modulation.1", 4608, 512)


def published() -> Shapes:
    """All parameters of flow.pt."""
    shapes: Shapes = {"input_embedding.weight": (6561, 512)}
    shapes |= layer("spk_embed_affine_layer", 80, 192) | layer("encoder_proj", 80, 512)
    for embed in ("embed", "up_embed"):
        shapes |= layer(f"encoder.{embed}.out.0", 512, 512) | layer(f"encoder.{embed}.out.1", 512)
    shapes |= layer("encoder.pre_lookahead_layer.conv1", 512, 512, 4)
    shapes |= layer("encoder.pre_lookahead_layer.conv2", 512, 512, 3)
    shapes |= layer("encoder.up_layer.conv", 512, 512, 5) | layer("encoder.after_norm", 512)
    for index in range(6):
        shapes |= conformer_block(f"encoder.encoders.{index}")
    for index in range(4):
        shapes |= conformer_block(f"encoder.up_encoders.{index}")
    estimator = "decoder.estimator"
    shapes |= layer(f"{estimator}.t_embedder.mlp.0", 512, 256) | layer(f"{estimator}.t_embedder.mlp.2", 512, 512)
    shapes |= layer(f"{estimator}.in_proj", 512, 320)
    for index in range(16):
        shapes |= estimator_block(f"{estimator}.blocks.{index}")
    shapes |= layer(f"{estimator}.final_layer.adaLN_modulation.1", 1024, 512)
    return shapes | layer(f"{estimator}.final_layer.linear", 80, 512)


def test_parameters_are_those_of_the_checkpoint() -> None:
    """The published weights load strictly: 605 tensors, 155,802,352 values, no other names or shapes."""
    with torch.device("meta"):
        state = Flow(FlowConfig()).state_dict()
    shapes = {name: tuple(tensor.shape) for name, tensor in state.items()}
    assert shapes == published()
    assert len(shapes) == 605
    assert sum(math.prod(shape) for shape in shapes.values()) == 155_802_352
