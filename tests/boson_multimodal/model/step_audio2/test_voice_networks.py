"""The speech tokenizer and the speaker encoder, on ONNX files made for the purpose."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from boson_multimodal.model.step_audio2.frontend import kaldi_fbank, log_mel_128
from boson_multimodal.model.step_audio2.speaker import SpeakerEncoder
from boson_multimodal.model.step_audio2.speech_tokenizer import SpeechTokenizer
from boson_multimodal.model.weights import CheckpointError
from tests.boson_multimodal.model.step_audio2.recordings import a_sound

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TOKENIZER = "speech_tokenizer_v2_25hz.onnx"
SPEAKER = "campplus.onnx"
VALUES = {"mel": (TensorProto.FLOAT, [1, 128, "T"]), "length": (TensorProto.INT32, [1])}
CODES = {"codes": (TensorProto.INT32, [1, "N"])}


def write(file: Path, nodes: list[Any], inputs: dict[str, Any], outputs: dict[str, Any], **constants: Any) -> None:
    """An ONNX file of `nodes`."""
    declared = [
        [helper.make_tensor_value_info(name, *kind) for name, kind in part.items()] for part in (inputs, outputs)
    ]
    stored = [numpy_helper.from_array(np.asarray(array), name) for name, array in constants.items()]
    graph = helper.make_graph(nodes, "stub", *declared, stored)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), str(file))


def write_constant_codes(folder: Path, codes: object) -> None:
    """A tokenizer that hears the same whatever it is given."""
    write(folder / TOKENIZER, [helper.make_node("Identity", ["said"], ["codes"])], VALUES, CODES, said=codes)


@pytest.fixture
def lengths(tmp_path: Path) -> Path:
    """A folder with a tokenizer whose only code is the length it was told."""
    nodes = [helper.make_node("Reshape", ["length", "shape"], ["codes"])]
    write(tmp_path / TOKENIZER, nodes, VALUES, CODES, shape=np.array([1, 1], np.int64))
    return tmp_path


@pytest.fixture
def levels(tmp_path: Path) -> Path:
    """A folder with a tokenizer whose codes are a thousand times the mean of every fourth frame, above nought."""
    nodes = [
        helper.make_node("Slice", ["mel", "begin", "end", "axis", "step"], ["fourths"]),
        helper.make_node("ReduceMean", ["fourths"], ["mean"], axes=[1], keepdims=0),
        helper.make_node("Mul", ["mean", "scale"], ["scaled"]),
        helper.make_node("Abs", ["scaled"], ["positive"]),
        helper.make_node("Cast", ["positive"], ["codes"], to=TensorProto.INT32),
    ]
    slices = {
        name: np.array([value], np.int64) for name, value in (("begin", 0), ("end", 9999), ("axis", 2), ("step", 4))
    }
    write(tmp_path / TOKENIZER, nodes, VALUES, CODES, scale=np.float32(1000), **slices)
    return tmp_path


def test_the_tokenizer_is_given_mel_and_length(levels: Path) -> None:
    """The network sees Whisper's log-mel and its number of frames, and its codes come back as 64-bit integers."""
    sound = a_sound(1.0, 16000)
    codes = SpeechTokenizer(levels).encode(sound)
    expected = (1000 * log_mel_128(sound)[:, :, ::4].mean(dim=1)).abs()
    assert codes.dtype == torch.int64
    assert codes.shape == (1, 25)
    assert (codes - expected).abs().max() <= 1.01


def test_the_tokenizer_is_told_how_long(lengths: Path) -> None:
    """The second input is the mel's length: 100 frames a second."""
    assert SpeechTokenizer(lengths).encode(a_sound(1.3, 16000)).tolist() == [[130]]


@pytest.mark.parametrize("codes", [[[0, 6561]], [[-1, 5]], np.empty((1, 0), np.int32)])
def test_what_is_no_code_is_refused(tmp_path: Path, codes: object) -> None:
    """A code the flow has no embedding for never leaves the tokenizer."""
    write_constant_codes(tmp_path, np.asarray(codes, np.int32))
    with pytest.raises(CheckpointError, match=rf"{TOKENIZER} gives codes that are none of 0 to 6560"):
        SpeechTokenizer(tmp_path).encode(a_sound(0.5, 16000))


def test_the_tokenizer_hears_thirty_seconds(lengths: Path) -> None:
    """Beyond what the network was trained with there is an error and no guess."""
    tokenizer = SpeechTokenizer(lengths)
    assert tokenizer.encode(np.zeros(480000, np.float32)).tolist() == [[3000]]
    with pytest.raises(ValueError, match="30 s at most"):
        tokenizer.encode(np.zeros(480001, np.float32))


def write_speaker_encoder(folder: Path, size: int = 192) -> None:
    """A speaker encoder that gives the loudest frame of the first bin `size` times, and subtracts nothing."""
    nodes = [
        helper.make_node("Slice", ["input", "begin", "end", "axis"], ["bin"]),
        helper.make_node("ReduceMax", ["bin"], ["most"], axes=[1], keepdims=0),
        helper.make_node("Expand", ["most", "shape"], ["output"]),
    ]
    kinds = {"input": (TensorProto.FLOAT, ["B", "T", 80])}, {"output": (TensorProto.FLOAT, ["B", size])}
    constants = {name: np.array([value], np.int64) for name, value in (("begin", 0), ("end", 1), ("axis", 2))}
    write(folder / SPEAKER, nodes, *kinds, **constants, shape=np.array([1, size], np.int64))


def test_the_speaker_encoder_is_given_centred_banks(tmp_path: Path) -> None:
    """The network sees the filter banks less their mean over time, and its vector comes back."""
    write_speaker_encoder(tmp_path)
    sound = a_sound(0.7, 16000)
    vector = SpeakerEncoder(tmp_path).encode(sound)
    first = kaldi_fbank(sound)[:, 0]
    assert vector.shape == (1, 192)
    assert vector.dtype == torch.float32
    torch.testing.assert_close(vector, (first - first.mean()).max().expand(1, 192), atol=1e-4, rtol=0)


def test_other_vectors_are_refused(tmp_path: Path) -> None:
    """A speaker encoder of another size is found out before the flow is."""
    write_speaker_encoder(tmp_path, size=512)
    with pytest.raises(CheckpointError, match=r"campplus\.onnx gives the shape \(1, 512\)"):
        SpeakerEncoder(tmp_path).encode(a_sound(0.5, 16000))


def tokenize(folder: Path) -> object:
    """Have the tokenizer of a folder hear something."""
    return SpeechTokenizer(folder).encode(a_sound(0.5, 16000))


def recognise(folder: Path) -> object:
    """Have the speaker encoder of a folder hear something."""
    return SpeakerEncoder(folder).encode(a_sound(0.5, 16000))


@pytest.mark.parametrize(("hear", "file"), [(tokenize, TOKENIZER), (recognise, SPEAKER)])
def test_errors_name_the_file(tmp_path: Path, hear: Callable[[Path], object], file: str) -> None:
    """A missing file, a broken one and that of another network say which it is and what to do."""
    with pytest.raises(CheckpointError, match=rf"there is no .*{file}; give the token2wav folder"):
        hear(tmp_path)
    (tmp_path / file).write_bytes(b"<html>not found</html>")
    with pytest.raises(CheckpointError, match=rf"{file} cannot be opened as a network.*download it again"):
        hear(tmp_path)
    nodes = [helper.make_node("Identity", ["a"], ["b"])]
    write(tmp_path / file, nodes, {"a": (TensorProto.INT64, [3])}, {"b": (TensorProto.INT64, [3])})
    with pytest.raises(CheckpointError, match=rf"{file} does not take float32\[1, "):
        hear(tmp_path)


def test_files_are_opened_when_they_are_needed(lengths: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once, by the first of several sounds at once; given back, and opened again by the next."""
    opened: list[str] = []
    real = onnxruntime.InferenceSession

    def counted(file: str, *arguments: Any, **options: Any) -> Any:
        opened.append(file)
        return real(file, *arguments, **options)

    monkeypatch.setattr(onnxruntime, "InferenceSession", counted)
    tokenizer = SpeechTokenizer(lengths)
    assert not opened
    sound = a_sound(0.5, 16000)
    threads = [threading.Thread(target=tokenizer.encode, args=(sound,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert opened == [str(lengths / TOKENIZER)]
    assert tokenizer.network.loaded
    tokenizer.network.unload()
    assert not tokenizer.network.loaded
    tokenizer.encode(sound)
    assert len(opened) == 2
