"""Reading `flow.yaml`, which could name any class to make."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from boson_multimodal.model.step_audio2.config import EncoderConfig, FlowConfig, read_flow_config
from boson_multimodal.model.step_audio2.tiny import TINY_FLOW, write_tiny_flow
from boson_multimodal.model.weights import CheckpointError

if TYPE_CHECKING:
    from pathlib import Path

PUBLISHED = """
flow: !new:cosyvoice2.flow.flow.CausalMaskedDiffWithXvec
    input_size: 512
    output_size: 80
    spk_embed_dim: 192
    output_type: 'mel'
    vocab_size: 6561
    encoder: !new:cosyvoice2.transformer.upsample_encoder_v2.UpsampleConformerEncoderV2
        input_size: 512
        output_size: 512
        input_layer: 'linear'
        pre_lookahead_len: 3
        num_blocks: 6
        num_up_blocks: 4
        up_stride: 2
        up_scale_factor: 2
        attention_heads: 8
        pos_enc_layer_type: 'rel_pos_espnet'
        selfattention_layer_type: 'rel_selfattn'
        key_bias: True
        linear_units: 2048
        dropout_rate: 0.1
        positional_dropout_rate: 0.1
        attention_dropout_rate: 0.1
        normalize_before: True
    decoder: !new:cosyvoice2.flow.flow_matching.CausalConditionalCFM
        inference_cfg_rate: 0.7
        estimator: !new:cosyvoice2.flow.decoder_dit.DiT
            in_channels: 320
            out_channels: 80
            mlp_ratio: 4.0
            depth: 16
            num_heads: 8
            head_dim: 64
            hidden_size: 512
"""


def read(folder: Path, text: str) -> FlowConfig:
    """The configuration that `text` reads as."""
    file = folder / "flow.yaml"
    file.write_text(text, encoding="utf-8")
    return read_flow_config(file)


def test_the_published_settings_are_the_defaults(tmp_path: Path) -> None:
    """The checkpoint's own file reads as the configuration that all figures of the graph are checked with."""
    assert read(tmp_path, PUBLISHED) == FlowConfig()


def test_settings_are_read_from_the_file(tmp_path: Path) -> None:
    """What the file says counts, in all four parts, not the defaults."""
    changed = PUBLISHED.replace("num_blocks: 6", "num_blocks: 5").replace("depth: 16", "depth: 3")
    config = read(tmp_path, changed.replace("rate: 0.7", "rate: 1").replace("dim: 192", "dim: 256"))
    assert (config.encoder.num_blocks, config.decoder.estimator.depth) == (5, 3)
    assert (config.decoder.inference_cfg_rate, config.spk_embed_dim) == (1.0, 256)


def test_a_written_configuration_reads_as_itself(tmp_path: Path) -> None:
    """The tiny flow's file is one that the reader takes for real."""
    assert write_tiny_flow(tmp_path) == TINY_FLOW == read_flow_config(tmp_path / "flow.yaml")


@pytest.mark.parametrize(
    "tag",
    [
        "!new:os.system",
        "!new:cosyvoice2.flow.flow.Unknown",
        "!new:cosyvoice2.os.system",
        "!name:cosyvoice2.flow.decoder_dit.DiT",
        "!apply:os.system",
        "!ref",
        "!!python/object/apply:os.system",
    ],
)
def test_other_tags_are_refused(tmp_path: Path, tag: str) -> None:
    """No file can have anything made but the four dataclasses; the message names what it asked for."""
    text = PUBLISHED.replace("!new:cosyvoice2.flow.decoder_dit.DiT", tag)
    with pytest.raises(CheckpointError, match=tag.lstrip("!").replace("python", "yaml.org,2002:python")):
        read(tmp_path, text)


def test_a_known_tag_on_something_else_is_refused(tmp_path: Path) -> None:
    """A tag without its settings is an error, not the published settings."""
    with pytest.raises(CheckpointError, match=r"decoder_dit\.DiT"):
        read(tmp_path, "flow: !new:cosyvoice2.flow.decoder_dit.DiT [1, 2]")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("input_layer: 'linear'", "input_layer: conv2d", "input_layer is 'conv2d'; only 'linear'"),
        ("up_stride: 2", "up_stride: 3", "up_stride is 3"),
        ("normalize_before: True", "normalize_before: False", "normalize_before is False"),
        ("key_bias: True", "key_bias: True\n        activation_type: relu", "activation_type is 'relu'"),
        ("depth: 16", "depth: 16\n            window: 5", "'window' is no known setting of DiT"),
        ("depth: 16", "depth: deep", "depth is 'deep'"),
        ("depth: 16", "depth: 0", "depth is 0"),
        ("depth: 16", "depth: true", "depth is True"),
        ("depth: 16", "depth: 1.5", "depth is 1.5"),
        ("out_channels: 80", "out_channels: 100", r"estimator.out_channels is 100; .* output_size, which is 80"),
        ("in_channels: 320", "in_channels: 240", r"estimator.in_channels is 240"),
        ("    input_size: 512\n    output_size: 80", "    input_size: 256\n    output_size: 80", "encoder.input_size"),
        ("attention_heads: 8", "attention_heads: 7", r"output_size is 512; .* multiple of"),
    ],
)
def test_what_is_not_implemented_is_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    """A setting with another meaning than the graph's is an error that names it, never silence."""
    assert old in PUBLISHED
    with pytest.raises(CheckpointError, match=message):
        read(tmp_path, PUBLISHED.replace(old, new))


@pytest.mark.parametrize("text", ["", "[1, 2]", "flow: {depth: 3}", "flow: {", "llm: 3", "\0"])
def test_other_files_are_refused(tmp_path: Path, text: str) -> None:
    """A file of something else is an error that says which file is wanted."""
    with pytest.raises(CheckpointError, match=r"take flow\.yaml from the checkpoint"):
        read(tmp_path, text)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """Who gave the wrong folder sees which file was looked for."""
    with pytest.raises(CheckpointError, match=r"nowhere.flow\.yaml"):
        read_flow_config(tmp_path / "nowhere" / "flow.yaml")


def test_a_part_in_the_place_of_another_is_refused(tmp_path: Path) -> None:
    """An encoder is no estimator, though its tag is known."""
    with pytest.raises(CheckpointError, match=r"estimator is .* it has to be DiT"):
        read(
            tmp_path,
            "flow: !new:cosyvoice2.flow.flow.CausalMaskedDiffWithXvec\n"
            "  decoder: !new:cosyvoice2.flow.flow_matching.CausalConditionalCFM\n"
            "    estimator: !new:cosyvoice2.x.UpsampleConformerEncoderV2 {}\n",
        )
    with pytest.raises(ValueError, match="multiple"):
        EncoderConfig(output_size=30)
