"""Smart Turn v3: how likely somebody has finished speaking, by the sound of their voice.

One network for all sessions, in a file that people fetch themselves. It judges one pause after another, in a thread.
Knows nothing of words or turns.
"""

from __future__ import annotations

import asyncio
import importlib
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from backend.audio import SAMPLE_BYTES, to_float
from backend.engines.bridge import call_in_thread
from backend.engines.interfaces import HEARING_RATE_HZ, TURN_MODEL_S
from backend.engines.onnx import load_network
from backend.errors import ConfigurationError, EngineError

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from numpy.typing import NDArray

INPUT = "input_features"
INPUT_SHAPE = (80, 800)
"""Mel bands and frames of 10 ms, for each utterance of a batch."""

HEARD_SAMPLES = TURN_MODEL_S * HEARING_RATE_HZ

FILE_WANTED = "it takes the file smart-turn-v3.x-cpu.onnx from huggingface.co/pipecat-ai/smart-turn-v3"


class SmartTurn:
    """The model; see `TurnModel`. One question at a time, the others wait."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.detail = f"Smart Turn v3: {file.name}"
        self._slot = asyncio.Semaphore(1)
        self._network: Any = None

    async def __aenter__(self) -> Self:
        """Loads the network, in a thread. Raises `ConfigurationError` when the file is not Smart Turn v3."""
        self._network = await call_in_thread(partial(_load, self._file), self._slot)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._network = None

    async def finished(self, pcm: bytes) -> float:
        """See `TurnModel.finished`."""
        if self._network is None:
            raise EngineError("stt", "the turn model is not loaded")
        try:
            return await call_in_thread(partial(_probability, self._network, pcm), self._slot)
        except Exception as error:  # onnxruntime's errors have no other base
            raise EngineError("stt", f"{type(error).__name__}: {error}") from error


def features(pcm: bytes) -> NDArray[np.float32]:
    """What the network is given for an utterance that ends with `pcm` (16 kHz), shape [1, 80, 800].

    Whisper's log-mel spectrogram of the last `TURN_MODEL_S`, brought to zero mean and unit variance; what is shorter
    comes after zeros, which count for both.
    """
    heard = to_float(pcm[-HEARD_SAMPLES * SAMPLE_BYTES :])
    samples = np.zeros(HEARD_SAMPLES, np.float32)
    samples[HEARD_SAMPLES - len(heard) :] = heard
    samples = (samples - samples.mean()) / np.sqrt(samples.var() + 1e-7)
    return _log_mel()(samples, padding=0)[np.newaxis].astype(np.float32, copy=False)


@cache
def _log_mel() -> Any:
    """faster-whisper's feature extractor, which keeps nothing between two calls."""
    return importlib.import_module("faster_whisper.feature_extractor").FeatureExtractor(chunk_length=TURN_MODEL_S)


def _probability(network: Any, pcm: bytes) -> float:
    (probabilities,) = network.run(None, {INPUT: features(pcm)})
    return float(probabilities.item())


def _load(file: Path) -> Any:
    """The network in `file`, warmed up. Raises `ConfigurationError`."""

    def unfit(problem: str) -> ConfigurationError:
        return ConfigurationError(f"--turn-model {file}: {problem}; {FILE_WANTED}")

    if not file.is_file():
        raise unfit("there is no such file")
    try:
        network = load_network(file)
    except Exception as error:  # onnxruntime's errors have no other base
        said = str(error).partition("\n")[0]
        raise unfit(f"this is no network that can be loaded ({said})") from error
    inputs = [(entry.name, tuple(entry.shape[1:])) for entry in network.get_inputs()]
    if inputs != [(INPUT, INPUT_SHAPE)]:
        shown = ", ".join(f"{entry.name} {entry.shape}" for entry in network.get_inputs())
        raise unfit(f"this is a network of another kind, its input is {shown}")
    try:
        fits = 0.0 <= _probability(network, b"") <= 1.0
    except Exception:
        fits = False
    if not fits:
        raise unfit("this is a network of another kind, its output is not one probability")
    return network
