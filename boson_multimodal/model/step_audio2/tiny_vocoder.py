"""A tiny vocoder, and stand-ins for both ONNX networks, for tests and trials on any machine.

They take and give what the real ones do, follow their input, and say nothing. Written in a second, the same on every
run with the same seed. The stand-ins need the package `onnx`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from boson_multimodal.audio_tokens import CODEBOOK_SIZE
from boson_multimodal.model.step_audio2.hift import Hift, HiftConfig
from boson_multimodal.model.step_audio2.speaker import FILE as SPEAKER_FILE
from boson_multimodal.model.step_audio2.speaker import SPEAKER_SIZE
from boson_multimodal.model.step_audio2.speech_tokenizer import FILE as TOKENIZER_FILE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    Values = Mapping[str, tuple[int, Sequence[int | str]]]

TINY = HiftConfig(base_channels=16, f0_channels=8)
"""Everything but the widths, which are read off the weights, is as in the real vocoder."""

PITCH = 200.0
"""Hz, about which the tiny vocoder hums."""

LOUDNESS = 1.0
"""The natural log of the spectrum's magnitudes, about which they vary."""

_OPSET = 17
_IR_VERSION = 8


def write_tiny_vocoder(folder: Path, seed: int = 0) -> None:
    """Write `hift.pt`, `speech_tokenizer_v2_25hz.onnx` and `campplus.onnx` into `folder`, which is made if need be."""
    folder.mkdir(parents=True, exist_ok=True)
    _write_hift(folder / "hift.pt", seed)
    draw = np.random.default_rng(seed)
    _write_tokenizer(folder / TOKENIZER_FILE, draw)
    _write_speaker_encoder(folder / SPEAKER_FILE, draw)


def _write_hift(file: Path, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    tensors = Hift(TINY).state_dict()
    for name, tensor in tensors.items():
        if name.endswith("weight.original0"):
            tensor.fill_(0.5)
        elif name.endswith("alpha"):
            tensor.uniform_(0.5, 1.5, generator=generator)
        else:
            spread = tensor[0].numel() ** -0.5 if tensor.ndim > 1 else 0.05
            tensor.normal_(0.0, spread, generator=generator)
    tensors["conv_post.bias"][: TINY.n_fft // 2 + 1] = LOUDNESS
    tensors["f0_predictor.classifier.weight"] *= 10
    tensors["f0_predictor.classifier.bias"].fill_(PITCH)
    torch.save(tensors, file)


def _write_tokenizer(file: Path, draw: np.random.Generator) -> None:
    """`feats [1, 128, T]` and its length -> `indices [1, T / 4]`, rounded up: two convolutions with a stride of two,
    scaled into the codebook."""
    onnx = _onnx()
    float32, int32 = onnx.TensorProto.FLOAT, onnx.TensorProto.INT32
    first = draw.standard_normal((4, 128, 3), np.float32) / 16
    second = draw.standard_normal((1, 4, 3), np.float32)
    stride = {"kernel_shape": [3], "strides": [2], "pads": [1, 1]}
    make = onnx.helper.make_node
    nodes = [
        make("Slice", ["feats", "begin", "feats_length", "time"], ["heard"]),
        make("Conv", ["heard", "first"], ["half"], **stride),
        make("Conv", ["half", "second"], ["quarter"], **stride),
        make("Mul", ["quarter", "scale"], ["scaled"]),
        make("Abs", ["scaled"], ["positive"]),
        make("Mod", ["positive", "size"], ["wrapped"], fmod=1),
        make("Cast", ["wrapped"], ["whole"], to=int32),
        make("Squeeze", ["whole", "channel"], ["indices"]),
    ]
    constants = {
        **{"begin": np.array([0], np.int32), "time": np.array([2], np.int32), "channel": np.array([1], np.int64)},
        **{"first": first, "second": second},
        **{"scale": np.array(2000, np.float32), "size": np.array(CODEBOOK_SIZE, np.float32)},
    }
    inputs = {"feats": (float32, [1, 128, "T"]), "feats_length": (int32, [1])}
    _write(file, nodes, inputs, {"indices": (int32, [1, "codes"])}, constants)


def _write_speaker_encoder(file: Path, draw: np.random.Generator) -> None:
    """`input [B, T, 80]` -> `output [B, 192]`: the mean power of the bins, projected."""
    onnx = _onnx()
    float32 = onnx.TensorProto.FLOAT
    make = onnx.helper.make_node
    nodes = [
        make("Mul", ["input", "input"], ["power"]),
        make("ReduceMean", ["power"], ["mean"], axes=[1], keepdims=0),
        make("MatMul", ["mean", "projection"], ["output"]),
    ]
    constants = {"projection": draw.standard_normal((80, SPEAKER_SIZE), np.float32) / 9}
    _write(file, nodes, {"input": (float32, ["B", "T", 80])}, {"output": (float32, ["B", SPEAKER_SIZE])}, constants)


def _write(
    file: Path,
    nodes: list[Any],
    inputs: Values,
    outputs: Values,
    constants: dict[str, np.ndarray[Any, Any]],
) -> None:
    onnx = _onnx()
    helper = onnx.helper

    def declared(values: Values) -> list[Any]:
        return [helper.make_tensor_value_info(name, *kind) for name, kind in values.items()]

    stored = [onnx.numpy_helper.from_array(array, name) for name, array in constants.items()]
    graph = helper.make_graph(nodes, file.stem, declared(inputs), declared(outputs), stored)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR_VERSION)
    onnx.checker.check_model(model)
    onnx.save(model, str(file))


def _onnx() -> Any:
    try:
        return importlib.import_module("onnx")
    except ImportError as error:
        raise RuntimeError("writing a tiny vocoder takes the package onnx; install it (`pip install onnx`)") from error
