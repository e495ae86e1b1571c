"""The encoding half of the codec."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import soxr
import torch

from boson_multimodal.model.higgs_audio.reference_encoder import ReferenceEncoder

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from boson_multimodal.tiny_checkpoint import TinyCheckpoint


@pytest.fixture
def encoder(tiny: TinyCheckpoint) -> ReferenceEncoder:
    """The tiny encoder."""
    return ReferenceEncoder.from_pretrained(tiny.codec, "cpu")


def speech(seconds: float, rate_hz: int = 24000) -> NDArray[np.float32]:
    """A gliding tone in some noise."""
    time = np.arange(round(seconds * rate_hz)) / rate_hz
    noise = np.random.default_rng(0).normal(0, 0.02, len(time))
    return (0.2 * np.sin(2 * np.pi * (150 + 200 * time) * time) + noise).astype(np.float32)


@pytest.mark.parametrize("frames", [25, 60, 127])
def test_encoding_is_that_of_transformers(encoder: ReferenceEncoder, transformers_codec: Any, frames: int) -> None:
    """The codes are exactly what the reference implementation makes of the same weights and whole frames of sound."""
    samples = speech(frames * 0.04)
    expected = transformers_codec.encode(torch.from_numpy(samples)[None, None]).audio_codes[0]
    codes = encoder.encode(samples, 24000)
    assert codes.dtype == torch.long
    assert torch.equal(codes, expected)
    assert len(codes.unique()) > frames


def test_original_format_encodes_alike(tiny: TinyCheckpoint, encoder: ReferenceEncoder) -> None:
    """The codec as it was published first gives the same codes."""
    original = ReferenceEncoder.from_pretrained(tiny.original_codec, torch.device("cpu"))
    assert torch.equal(original.encode(speech(2), 24000), encoder.encode(speech(2), 24000))


@pytest.mark.parametrize("rate_hz", [8000, 16000, 22050, 44100, 48000])
def test_any_sample_rate_is_taken(encoder: ReferenceEncoder, rate_hz: int) -> None:
    """A reference is resampled to the codec's rate; its length in frames stays that of its duration."""
    samples = speech(2, rate_hz)
    resampled = soxr.resample(samples, rate_hz, 24000)
    codes = encoder.encode(samples, rate_hz)
    assert codes.shape == (8, 50)
    assert torch.equal(codes, encoder.encode(resampled, 24000))


@pytest.mark.parametrize("samples", [1, 960, 23999, 24000])
def test_short_references_become_a_second(encoder: ReferenceEncoder, samples: int) -> None:
    """Silence fills up the first second: the encoder needs some length to see."""
    short = speech(1)[:samples]
    filled = np.pad(short, (0, 24000 - samples))
    codes = encoder.encode(short, 24000)
    assert codes.shape == (8, 25)
    assert torch.equal(codes, encoder.encode(filled, 24000))


@pytest.mark.parametrize("samples", [24001, 24480, 24959, 24960])
def test_the_last_frame_is_filled_up(encoder: ReferenceEncoder, samples: int) -> None:
    """Any length can be encoded, and no part of it is lost."""
    assert encoder.encode(speech(2)[:samples], 24000).shape == (8, 26)


@pytest.mark.parametrize(
    ("samples", "rate_hz", "complaint"),
    [
        (np.zeros(0, np.float32), 24000, "one at least"),
        (np.zeros((2, 100), np.float32), 24000, "mono"),
        (np.array([0.1, np.nan], np.float32), 24000, "finite"),
        (np.array([0.1, np.inf], np.float32), 24000, "finite"),
        (np.zeros(100, np.float32), 0, "sample rate"),
    ],
)
def test_what_is_no_sound_is_refused(
    encoder: ReferenceEncoder, samples: NDArray[np.float32], rate_hz: int, complaint: str
) -> None:
    """A broken recording says what is wrong with it, before any of it becomes a voice."""
    with pytest.raises(ValueError, match=complaint):
        encoder.encode(samples, rate_hz)
