"""The turn model, with a network of a few hundred bytes in place of the real one."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from backend.engines.smart_turn import SmartTurn, features
from backend.errors import ConfigurationError, EngineError
from tests.engines.tiny_onnx import turn_network

RATE_HZ = 16_000


def noise(seconds: float) -> bytes:
    """Noise that swells and fades three times a second, like syllables."""
    samples = np.random.default_rng(5).normal(0, 2000, int(seconds * RATE_HZ))
    swell = 1 + np.sin(np.arange(len(samples)) * (6 * np.pi / RATE_HZ))
    return (samples * swell).clip(-32768, 32767).astype("<i2").tobytes()


def reference(pcm: bytes) -> np.ndarray:
    """The same features by the extractor that the real network is trained with, shape [1, 80, 800]."""
    from transformers import WhisperFeatureExtractor

    samples = np.frombuffer(pcm, "<i2").astype(np.float32) / 32768
    samples = samples[-8 * RATE_HZ :]
    samples = np.concatenate([np.zeros(8 * RATE_HZ - len(samples), np.float32), samples])
    extractor = WhisperFeatureExtractor(chunk_length=8)
    return extractor(samples, sampling_rate=RATE_HZ, do_normalize=True, return_tensors="np")["input_features"]


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "tiny.onnx"
    path.write_bytes(turn_network())
    return path


@pytest.mark.parametrize("seconds", [0.5, 3.0, 8.0, 20.0])
def test_features_are_those_the_network_is_trained_with(seconds):
    """Another implementation gives the same, for short audio, long audio, and what just fits."""
    given = features(noise(seconds))
    assert (given.shape, given.dtype) == ((1, 80, 800), np.float32)
    np.testing.assert_allclose(given, reference(noise(seconds)), atol=1e-4)


def test_short_audio_stands_at_the_end():
    """Zeros come before it: the end of the utterance is the end of what the network sees."""
    given = features(noise(1.0))[0]
    assert np.ptp(given[:, :690], axis=1).max() == pytest.approx(0, abs=1e-3)
    assert np.ptp(given[:, 710:], axis=1).min() > 0.5


async def test_gives_the_probability_of_the_network(file):
    """Audio goes in, the network's number comes out."""
    expected = 1 / (1 + np.exp(-reference(noise(3.0)).mean()))
    async with SmartTurn(file) as model:
        assert await model.finished(noise(3.0)) == pytest.approx(expected, abs=1e-4)


async def test_questions_of_many_sessions_are_answered_each_by_its_own(file):
    """Sessions share the model, and nobody gets the answer to another's question."""
    lengths = [0.5, 1.0, 2.0, 4.0]
    async with SmartTurn(file) as model:
        alone = [await model.finished(noise(seconds)) for seconds in lengths]
        together = await asyncio.gather(*(model.finished(noise(seconds)) for seconds in lengths))
    assert together == alone
    assert len(set(alone)) == len(alone)


async def test_a_failure_is_the_engines_and_the_model_goes_on(file):
    """What the libraries raise becomes an `EngineError`, and the next question is answered."""
    async with SmartTurn(file) as model:
        with pytest.raises(EngineError, match="ValueError"):
            await model.finished(b"half a sample")
        assert 0 < await model.finished(noise(1.0)) < 1


async def test_a_model_that_is_not_loaded_says_so(file):
    """Neither before nor after `async with`."""
    async with SmartTurn(file) as model:
        pass
    for unloaded in (model, SmartTurn(file)):
        with pytest.raises(EngineError, match="not loaded"):
            await unloaded.finished(noise(1.0))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "no such file"),
        (b"<html>", "no network that can be loaded"),
        (turn_network()[:-30], "no network that can be loaded"),
        (turn_network("input_values", (128_000,)), r"its input is input_values \['batch', 128000\]"),
        (turn_network(shape=(80, 3000)), r"its input is input_features \['batch', 80, 3000\]"),
        (turn_network(per_frame=True), "not one probability"),
    ],
)
async def test_another_file_is_refused_at_the_start(tmp_path, content, said):
    """A file that cannot work is named in one line, with what is wrong and what to give."""
    file = tmp_path / "other.onnx"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigurationError, match=said) as refused:
        async with SmartTurn(file):
            pass
    message = str(refused.value)
    assert message.startswith(f"--turn-model {file}: ")
    assert message.endswith("it takes the file smart-turn-v3.x-cpu.onnx from huggingface.co/pipecat-ai/smart-turn-v3")
    assert "\n" not in message
