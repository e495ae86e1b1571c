"""The decoding half of the codec."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from torch import Tensor

from boson_multimodal.model.higgs_audio.codec import RECEPTIVE_FRAMES, HiggsCodec, receptive_frames
from boson_multimodal.model.weights import CheckpointError
from boson_multimodal.tiny_checkpoint import TinyCheckpoint, write_tiny_checkpoint

if TYPE_CHECKING:
    from pathlib import Path

FRAMES, BEGIN, END = 40, 15, 20


@pytest.fixture
def codec(tiny: TinyCheckpoint) -> HiggsCodec:
    """The tiny codec."""
    return HiggsCodec.from_pretrained(tiny.codec, "cpu")


@pytest.fixture
def codes() -> Tensor:
    """Two utterances of random codes, `[2, 8, FRAMES]`."""
    return torch.randint(1024, (2, 8, FRAMES), generator=torch.Generator().manual_seed(1))


def window_error(codec: HiggsCodec, codes: Tensor, before: int, after: int) -> float:
    """How far the frames from BEGIN to END, decoded with so many around them, are from those of the whole."""
    hop = codec.samples_per_token
    whole = codec(codes)[:, BEGIN * hop : END * hop]
    window = codec(codes[:, :, BEGIN - before : END + after])
    return float((window[:, before * hop : (before + END - BEGIN) * hop] - whole).abs().max())


def test_decoding_is_that_of_transformers(codec: HiggsCodec, codes: Tensor, transformers_codec: Any) -> None:
    """The sound is exactly what the reference implementation makes of the same weights and codes."""
    expected = transformers_codec.decode(codes).audio_values.numpy()
    np.testing.assert_array_equal(codec.decode(codes), expected)


def test_figures_are_those_of_the_checkpoint(codec: HiggsCodec) -> None:
    """Callers compute lengths and rates from these."""
    assert (codec.sampling_rate, codec.samples_per_token, codec.tps) == (24000, 960, 25)
    assert (codec.codebook_size, codec.num_codebooks) == (1024, 8)


def test_a_frame_is_960_samples(codec: HiggsCodec, codes: Tensor) -> None:
    """Windows can be cut on the boundaries of frames, from a single frame on."""
    for frames in (1, 2, 7):
        sound = codec.decode(codes[:, :, :frames])
        assert sound.shape == (2, 1, 960 * frames)
        assert sound.dtype == np.float32


def test_receptive_field_is_derived_from_the_layers() -> None:
    """The constant that streaming cuts windows by is what the decoder's strides give."""
    assert receptive_frames([8, 5, 4, 2, 3]) == RECEPTIVE_FRAMES == 10


def test_windows_with_the_receptive_field_are_exact(codec: HiggsCodec, codes: Tensor) -> None:
    """With ten frames on either side a window decodes to the samples of the whole."""
    assert window_error(codec, codes, 10, 10) < 1e-5


@pytest.mark.parametrize(("before", "after"), [(9, 10), (10, 9)])
def test_one_frame_less_is_not_exact(codec: HiggsCodec, codes: Tensor, before: int, after: int) -> None:
    """Ten is not more than needed, on either side."""
    assert window_error(codec, codes, before, after) > 1e-4


def test_a_batch_decodes_as_its_rows(codec: HiggsCodec, codes: Tensor) -> None:
    """Windows of several utterances may be decoded together."""
    np.testing.assert_allclose(codec.decode(codes)[1:], codec.decode(codes[1:]), atol=1e-5)


def test_original_format_decodes_alike(tiny: TinyCheckpoint, codec: HiggsCodec, codes: Tensor) -> None:
    """The codec as it was published first gives the same sound."""
    original = HiggsCodec.from_pretrained(tiny.original_codec, torch.device("cpu"))
    np.testing.assert_array_equal(original.decode(codes), codec.decode(codes))


def test_other_sizes_are_read_off_the_checkpoint(tmp_path: Path) -> None:
    """Nothing about the codebooks is built in."""
    written = write_tiny_checkpoint(tmp_path, codebooks=3, codebook_size=32)
    for folder in (written.codec, written.original_codec):
        codec = HiggsCodec.from_pretrained(folder, "cpu")
        assert (codec.num_codebooks, codec.codebook_size) == (3, 32)


@pytest.mark.parametrize("code", [-1, 1024, 1025])
def test_what_is_no_code_is_refused(codec: HiggsCodec, codes: Tensor, code: int) -> None:
    """The marks of beginning and end must be cut off before: they have no sound."""
    codes[1, 3, 5] = code
    with pytest.raises(ValueError, match="codes are 0 to 1023; here are"):
        codec.decode(codes)


@pytest.mark.parametrize("shape", [(1, 8, 0), (1, 7, 5), (8, 5)])
def test_other_shapes_are_refused(codec: HiggsCodec, shape: tuple[int, ...]) -> None:
    """A mistake in the order of the dimensions says so."""
    with pytest.raises(ValueError, match=r"codes have the shape \[B, 8, T\]"):
        codec.decode(torch.zeros(shape, dtype=torch.long))


def test_a_codec_is_asked_for_where_there_is_a_model(tiny: TinyCheckpoint) -> None:
    """Two folders given in the wrong order are told apart."""
    with pytest.raises(CheckpointError, match=r"'higgs_audio_v2'.*higgs-audio-v2-tokenizer"):
        HiggsCodec.from_pretrained(tiny.model, "cpu")
