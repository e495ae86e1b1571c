"""The configuration of the flow, and a reader of `flow.yaml` that makes nothing but these dataclasses.

The file is HyperPyYAML, whose `!new:` tags name Python classes to import and call. Four of them are known here by the
name of the class; every other tag is refused, and nothing that the file names is imported.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

import yaml

from boson_multimodal.audio_tokens import CODEBOOK_SIZE
from boson_multimodal.model.weights import CheckpointError

if TYPE_CHECKING:
    from pathlib import Path

FRAMES_PER_CODE = 2
"""Codes come at 25 Hz, frames of the mel spectrogram at 50 Hz."""

_TAG = "!new:cosyvoice2."


@dataclass(frozen=True, slots=True)
class EncoderConfig:
    """The upsampling conformer encoder. `pre_lookahead_len` is how many codes after a code its frames depend on."""

    input_size: int = 512
    output_size: int = 512
    pre_lookahead_len: int = 3
    num_blocks: int = 6
    num_up_blocks: int = 4
    attention_heads: int = 8
    linear_units: int = 2048

    def __post_init__(self) -> None:
        _divisible("encoder.output_size", self.output_size, "2 * attention_heads", 2 * self.attention_heads)


@dataclass(frozen=True, slots=True)
class EstimatorConfig:
    """The diffusion transformer that estimates velocities. Its input is four spectrograms side by side."""

    in_channels: int = 320
    out_channels: int = 80
    mlp_ratio: float = 4.0
    depth: int = 16
    num_heads: int = 8
    head_dim: int = 64
    hidden_size: int = 512


@dataclass(frozen=True, slots=True)
class SolverConfig:
    """Conditional flow matching: how strongly the conditions guide, and the number of Euler steps."""

    estimator: EstimatorConfig = field(default_factory=EstimatorConfig)
    inference_cfg_rate: float = 0.7
    n_timesteps: int = 10


@dataclass(frozen=True, slots=True)
class FlowConfig:
    """The flow; the defaults are those of the published checkpoint. `vocab_size` counts the speech codes."""

    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    decoder: SolverConfig = field(default_factory=SolverConfig)
    input_size: int = 512
    output_size: int = 80
    spk_embed_dim: int = 192
    vocab_size: int = CODEBOOK_SIZE

    def __post_init__(self) -> None:
        estimator = self.decoder.estimator
        _equal("encoder.input_size", self.encoder.input_size, "input_size", self.input_size)
        _equal("estimator.out_channels", estimator.out_channels, "output_size", self.output_size)
        _equal("estimator.in_channels", estimator.in_channels, "4 * output_size", 4 * self.output_size)


_PARTS: dict[str, type[Any]] = {
    "CausalMaskedDiffWithXvec": FlowConfig,
    "UpsampleConformerEncoderV2": EncoderConfig,
    "CausalConditionalCFM": SolverConfig,
    "DiT": EstimatorConfig,
}
_CLASSES = {part: name for name, part in _PARTS.items()}

_FIXED: dict[type[Any], dict[str, object]] = {
    FlowConfig: {"output_type": "mel"},
    EncoderConfig: {
        "input_layer": "linear",
        "up_stride": FRAMES_PER_CODE,
        "up_scale_factor": FRAMES_PER_CODE,
        "pos_enc_layer_type": "rel_pos_espnet",
        "selfattention_layer_type": "rel_selfattn",
        "activation_type": "swish",
        "key_bias": True,
        "normalize_before": True,
    },
}
"""Settings of which one value is implemented."""

_MOST = 1 << 16
_MOST_BYTES = 64 << 10
"""What the published file has is far below both."""

_FOR_TRAINING = {"dropout_rate", "positional_dropout_rate", "attention_dropout_rate"}


def read_flow_config(path: Path) -> FlowConfig:
    """The configuration in `flow.yaml`, under its key `flow`.

    Raises `CheckpointError` for a file that is none, other tags than the four, and settings that are not implemented.
    """
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ValueError(f"it has more than {_MOST_BYTES} bytes")
        document = yaml.load(path.read_text(encoding="utf-8"), Loader=_FlowLoader)
        flow = document.get("flow") if isinstance(document, dict) else None
        if not isinstance(flow, FlowConfig):
            raise ValueError(f"it has no key 'flow' with the tag {_TAG}*.{_CLASSES[FlowConfig]}")
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise CheckpointError(
            f"{path} is not a configuration of Step-Audio 2's flow: {error}; take flow.yaml from the checkpoint's "
            "folder token2wav"
        ) from error
    return flow


class _FlowLoader(yaml.SafeLoader):
    """Plain YAML and the four tags; the constructors of `yaml.SafeLoader` itself stay as they are."""


def _construct(loader: _FlowLoader, name: str, node: yaml.Node) -> object:
    part = _PARTS.get(name.rpartition(".")[2])
    if part is None or not isinstance(node, yaml.MappingNode):
        known = ", ".join(_PARTS)
        raise ValueError(f"the tag {node.tag} does not stand for a mapping of one of {known}")
    return _configured(part, loader.construct_mapping(node, deep=True))


_FlowLoader.add_multi_constructor(_TAG, _construct)


def _configured(part: type[Any], settings: dict[Any, object]) -> object:
    """`part` with these settings. Raises `ValueError` naming the first that is unknown or has a wrong value."""
    defaults, fixed = part(), _FIXED.get(part, {})
    names = {known.name for known in fields(part)}
    values: dict[str, object] = {}
    for name, value in settings.items():
        if name in names:
            values[name] = _checked(name, value, getattr(defaults, name))
        elif name in fixed:
            if value != fixed[name]:
                raise ValueError(f"{name} is {value!r}; only {fixed[name]!r} is supported")
        elif name not in _FOR_TRAINING:
            raise ValueError(f"{name!r} is no known setting of {_CLASSES[part]}")
    return part(**values)


def _checked(name: str, value: object, default: object) -> object:
    """`value`, which has the type of `default`; numbers are positive, and a whole one may stand for a fraction."""
    if isinstance(default, float) and type(value) is int:
        value = float(value)
    if type(value) is not type(default) or (isinstance(value, int | float) and not 0 < value <= _MOST):
        kind = type(default)
        due = _CLASSES.get(kind, f"a positive {kind.__name__} up to {_MOST}")
        raise ValueError(f"{name} is {value!r}; it has to be {due}")
    return value


def _equal(name: str, value: int, other: str, due: int) -> None:
    if value != due:
        raise ValueError(f"{name} is {value}; it has to equal {other}, which is {due}")


def _divisible(name: str, value: int, other: str, divisor: int) -> None:
    if value % divisor:
        raise ValueError(f"{name} is {value}; it has to be a multiple of {other}, which is {divisor}")
