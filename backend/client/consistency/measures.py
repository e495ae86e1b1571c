"""How alike two stretches of speech sound as voices: by spectrum and pitch, or by a network for speaker recognition."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from backend.audio import to_float
from backend.client.consistency.spectrum import cepstrum, log_mel, spoken
from backend.errors import ConfigurationError
from backend.pitch import pitch_hz

if TYPE_CHECKING:
    from pathlib import Path

    from backend.client.consistency.spectrum import Floats


BANDS, CEPSTRA = 40, 19
_FALLING = np.arange(1.0, CEPSTRA + 1) ** -0.75
VARIES_BY = np.concatenate((2.0 * _FALLING, 1.2 * _FALLING, [1.0, 0.6]))
"""Standard deviation of each feature between sentences of one voice: a curve through those of the offline voices, but
for the median pitch, which they keep to half a semitone and people do not."""


class Measure(Protocol):
    """Compares voices. A voiceprint is what is kept of a stretch of speech."""

    @property
    def name(self) -> str:
        """What it goes by."""
        ...

    def voiceprint(self, pcm: bytes) -> Floats:
        """Of PCM16LE mono at 16 kHz; shape [features]."""
        ...

    def similarity(self, one: Floats, other: Floats) -> float:
        """At most 1, for the same voiceprint."""
        ...


class SpectralMeasure:
    """Timbre (mean and standard deviation of 19 mel cepstral coefficients) and pitch (median and interquartile range in
    semitones).

    A difference counts in units of three times `VARIES_BY`, so a voice that stays the same scores about 0.9. Timbre and
    pitch weigh alike, and the similarity falls as a Gaussian does.
    """

    name = "spectral"

    def voiceprint(self, pcm: bytes) -> Floats:
        """See `Measure`. Zeros stand for what cannot be told: speech without a pitch has none."""
        signal = to_float(pcm)
        logarithms = log_mel(signal, BANDS)
        coefficients = cepstrum(logarithms[spoken(logarithms)], CEPSTRA)
        if not len(coefficients):
            return np.zeros(2 * CEPSTRA + 2)
        hertz = pitch_hz(signal)
        semitones = 12 * np.log2(hertz[hertz > 0])
        middle, spread = (np.median(semitones), _middle_half(semitones)) if len(semitones) else (0.0, 0.0)
        return np.concatenate((coefficients.mean(axis=0), coefficients.std(axis=0), [middle, spread]))

    def similarity(self, one: Floats, other: Floats) -> float:
        """See `Measure`; from 0 to 1."""
        squares = ((one - other) / (3 * VARIES_BY)) ** 2
        distance = 0.5 * squares[:-2].mean() + 0.5 * squares[-2:].mean()
        return float(np.exp(-distance / 2))


def _middle_half(values: Floats) -> float:
    low, high = np.percentile(values, [25, 75])
    return float(high - low)


class EmbeddingMeasure:
    """A network for speaker recognition in an ONNX file: the cosine of its embeddings.

    It takes the waveform, shape [1, samples], or 80 mel bands less their mean, shape [1, frames, 80], as the networks
    of 3D-Speaker (CAM++) and wespeaker (ECAPA-TDNN, ResNet) do. Raises `ConfigurationError` for any other.
    """

    def __init__(self, file: Path) -> None:
        self.name = file.name
        onnxruntime: Any = importlib.import_module("onnxruntime")  # it has no types
        try:
            self._network = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's errors have no other base
            raise ConfigurationError(f"--embedding {file}: {str(error).splitlines()[0]}") from error
        shapes = [taken.shape for taken in self._network.get_inputs()]
        if len(shapes) != 1 or len(shapes[0]) not in (2, 3) or (len(shapes[0]) == 3 and shapes[0][2] != 80):
            raise ConfigurationError(f"--embedding {file}: it takes {shapes}, not just a waveform or 80 mel bands")
        self._input = self._network.get_inputs()[0]

    def voiceprint(self, pcm: bytes) -> Floats:
        """See `Measure`; of length 1."""
        signal = to_float(pcm)
        if len(self._input.shape) == 3:
            logarithms = log_mel(signal * 32768.0, 80, highest_hz=8000.0)
            signal = logarithms - logarithms.mean(axis=0)
        try:
            output = self._network.run(None, {self._input.name: signal[None].astype(np.float32)})[0]
        except Exception as error:
            raise ConfigurationError(f"--embedding {self.name}: {str(error).splitlines()[0]}") from error
        embedding = np.asarray(output, np.float64).reshape(-1)
        return embedding / max(float(np.linalg.norm(embedding)), 1e-12)

    def similarity(self, one: Floats, other: Floats) -> float:
        """See `Measure`; from -1 to 1."""
        return float(one @ other)
