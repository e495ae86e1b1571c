"""The stand-ins for the published files."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import numpy as np
import onnxruntime
import pytest
import torch

from boson_multimodal.model.step_audio2.frontend import log_mel_128
from boson_multimodal.model.step_audio2.loading import load_hift
from boson_multimodal.model.step_audio2.speaker import SpeakerEncoder
from boson_multimodal.model.step_audio2.speech_tokenizer import SpeechTokenizer
from boson_multimodal.model.step_audio2.tiny_vocoder import write_tiny_vocoder
from tests.boson_multimodal.model.step_audio2.recordings import a_sound

if TYPE_CHECKING:
    from pathlib import Path


def test_the_files_are_those_of_the_seed(folder: Path, tmp_path: Path) -> None:
    """The same on every run, others for another seed, and small."""
    write_tiny_vocoder(tmp_path / "same", seed=0)
    write_tiny_vocoder(tmp_path / "other", seed=1)
    names = sorted(file.name for file in folder.iterdir())
    assert names == ["campplus.onnx", "hift.pt", "speech_tokenizer_v2_25hz.onnx"]
    first, second, third = (
        torch.load(path / "hift.pt", weights_only=True) for path in (folder, tmp_path / "same", tmp_path / "other")
    )
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not torch.equal(
        first["conv_post.parametrizations.weight.original1"], third["conv_post.parametrizations.weight.original1"]
    )
    for name in names[::2]:
        assert (folder / name).read_bytes() == (tmp_path / "same" / name).read_bytes()
        assert (folder / name).read_bytes() != (tmp_path / "other" / name).read_bytes()
    assert sum(file.stat().st_size for file in folder.iterdir()) < 500_000


def test_the_tiny_vocoder_is_heard(folder: Path) -> None:
    """Its sound is neither silence nor clipped, follows its mel and hums about 200 Hz."""
    hift = load_hift(folder)
    mel = torch.randn(1, 80, 20, generator=torch.Generator().manual_seed(0))
    wave, _ = hift(mel, torch.Generator().manual_seed(0))
    other, _ = hift(mel - 3, torch.Generator().manual_seed(0))
    assert 0.02 < wave.std() < 0.5
    assert wave.abs().max() < 0.99
    assert (wave - other).abs().max() > 0.01
    assert ((hift.f0_predictor(mel) - 200).abs() < 50).all()


@pytest.mark.parametrize("frames", [25, 100, 101, 102, 103])
def test_the_tiny_tokenizer_rounds_up(folder: Path, frames: int) -> None:
    """As the real one: two halvings that each round up, and nothing beyond the length it is told."""
    session = onnxruntime.InferenceSession(str(folder / "speech_tokenizer_v2_25hz.onnx"))
    mel = log_mel_128(a_sound(frames / 100, 16000)).numpy()
    codes = session.run(None, {"feats": mel, "feats_length": np.array([frames], np.int32)})[0]
    assert codes.shape == (1, -(-frames // 4))
    assert codes.dtype == np.int32
    longer = np.concatenate((mel, np.ones((1, 128, 8), np.float32)), axis=2)
    assert np.array_equal(session.run(None, {"feats": longer, "feats_length": np.array([frames], np.int32)})[0], codes)


def test_the_tiny_networks_tell_voices_apart(folder: Path) -> None:
    """Codes vary over time and with the voice, and so does the vector."""
    tokenizer, speaker = SpeechTokenizer(folder), SpeakerEncoder(folder)
    one, other = (a_sound(2.0, 16000, seed) for seed in (1, 2))
    assert len(set(tokenizer.encode(one)[0].tolist())) > 10
    assert not torch.equal(tokenizer.encode(one), tokenizer.encode(other))
    assert (speaker.encode(one) - speaker.encode(other)).abs().max() > 0.01


def test_without_onnx_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The package that only the stand-ins need is named when it is missing."""
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(RuntimeError, match="pip install onnx"):
        write_tiny_vocoder(tmp_path)
