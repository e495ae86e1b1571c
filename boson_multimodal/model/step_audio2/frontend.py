"""What Step-Audio 2's networks hear of a voice: three kinds of mel spectrum, each with its network's own recipe.

| network | rate | function |
|---|---|---|
| speech tokenizer | 16 kHz | `log_mel_128`: Whisper's |
| speaker encoder | 16 kHz | `kaldi_fbank`: Kaldi's |
| flow | 24 kHz | `log_mel_80`: HiFi-GAN's |
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, cast

import numpy as np
import soxr
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from boson_multimodal.audio_tokens import HEARING_RATE_HZ, SAMPLES_PER_CODE, SPEECH_RATE_HZ
from boson_multimodal.model.step_audio2.config import FRAMES_PER_CODE

if TYPE_CHECKING:
    from numpy.typing import NDArray

MEL_HOP = SAMPLES_PER_CODE // FRAMES_PER_CODE
"""Samples at 24 kHz that a frame of `log_mel_80` is after the one before."""


def resample(samples: NDArray[np.float32], rate: int, wanted: int) -> NDArray[np.float32]:
    """Mono samples at the rate `wanted`, in Hz, by soxr's high quality."""
    if rate == wanted:
        return np.asarray(samples, np.float32)
    return cast("NDArray[np.float32]", soxr.resample(np.asarray(samples, np.float32), rate, wanted))


def log_mel_128(samples: NDArray[np.float32]) -> Tensor:
    """Whisper's log-mel spectrum with 128 bins, without padding to 30 s: `[1, 128, T]` of 16 kHz, T = samples // 160.

    25 ms Hann windows around every 10 ms, the power in slaney bins, log10 floored 8 below the loudest, (x + 4) / 4.
    Raises `ValueError` for a sound of less than a window.
    """
    spectrum = torch.stft(
        _checked(samples, 400), 400, hop_length=160, window=torch.hann_window(400), return_complex=True
    )
    power = spectrum[:, :-1].abs().square()
    mel = (mel_filters(HEARING_RATE_HZ, 400, 128) @ power).clamp(min=1e-10).log10()
    return (torch.maximum(mel, mel.max() - 8) + 4)[None] / 4


def log_mel_80(samples: NDArray[np.float32]) -> Tensor:
    """The mel that the flow makes and HiFT speaks: `[1, T, 80]` of 24 kHz, a frame every 20 ms, T = samples // 480.

    80 ms Hann windows, the sound mirrored by 30 ms at both ends, magnitudes in slaney bins to 8 kHz, natural log
    floored at 1e-5. Raises `ValueError` for a sound of less than a window.
    """
    n_fft = 1920
    margin = (n_fft - MEL_HOP) // 2
    mirrored = F.pad(_checked(samples, n_fft)[None], (margin, margin), mode="reflect")[0]
    window = torch.hann_window(n_fft)
    spectrum = torch.stft(mirrored, n_fft, hop_length=MEL_HOP, window=window, center=False, return_complex=True)
    magnitude = (spectrum.real.square() + spectrum.imag.square() + 1e-9).sqrt()
    mel = (mel_filters(SPEECH_RATE_HZ, n_fft, 80, high=8000.0) @ magnitude).clamp(min=1e-5).log()
    return mel.T[None].contiguous()


def kaldi_fbank(samples: NDArray[np.float32]) -> Tensor:
    """Kaldi's log filter banks without dither: `[T, 80]` of 16 kHz in [-1, 1], T = 1 + (samples - 400) // 160.

    25 ms frames wholly inside the sound, each without its mean, preemphasised by 0.97 (the first sample against
    itself) and under a Povey window; the power of 512 points in HTK bins from 20 Hz to 8 kHz, natural log floored at
    the machine epsilon. Raises `ValueError` for a sound of less than a frame.
    """
    frames = _checked(samples, 400).unfold(0, 400, 160)
    frames = frames - frames.mean(dim=1, keepdim=True)
    before = torch.cat((frames[:, :1], frames[:, :-1]), dim=1)
    window = torch.hann_window(400, periodic=False).pow(0.85)
    power = torch.fft.rfft((frames - 0.97 * before) * window, n=512).abs().square()
    return (power @ _kaldi_filters().T).clamp(min=torch.finfo(torch.float32).eps).log()


@lru_cache
def mel_filters(rate: int, n_fft: int, bins: int, high: float | None = None) -> Tensor:
    """Triangles `[bins, n_fft // 2 + 1]` between points that are equally far apart on Slaney's mel scale from 0 Hz to
    `high` (half the rate by default), each of the area 1 in Hz. Shared: not to be changed."""
    mels = np.linspace(0.0, _slaney_mel(rate / 2 if high is None else high), bins + 2)
    edges = np.array([_slaney_hertz(mel) for mel in mels])
    triangles = _triangles(edges, np.arange(n_fft // 2 + 1) * rate / n_fft)
    areas = (edges[2:] - edges[:-2]) / 2
    return torch.from_numpy((triangles / areas[:, None]).astype(np.float32))


@lru_cache
def _kaldi_filters() -> Tensor:
    """Triangles `[80, 257]` on HTK's mel scale, straight in mel and not in Hz as Kaldi has them, of the height 1."""

    def mel(hertz: NDArray[np.float64]) -> NDArray[np.float64]:
        return 1127.0 * np.log1p(hertz / 700.0)

    low, high = mel(np.array([20.0, HEARING_RATE_HZ / 2]))
    triangles = _triangles(np.linspace(low, high, 82), mel(np.arange(257) * HEARING_RATE_HZ / 512))
    return torch.from_numpy(triangles.astype(np.float32))


def _triangles(edges: NDArray[np.float64], places: NDArray[np.float64]) -> NDArray[np.float64]:
    """How high at `places [K]` the triangles over `edges [bins + 2]` are: `[bins, K]`, 1 at their middles."""
    left, middle, right = (edges[first : len(edges) - 2 + first, None] for first in range(3))
    rising, falling = (places - left) / (middle - left), (right - places) / (right - middle)
    return np.maximum(0.0, np.minimum(rising, falling))


def _slaney_mel(hertz: float) -> float:
    """Slaney's scale (Auditory Toolbox): 3 mel for 200 Hz up to 1 kHz, from there 27 mel for a factor of 6.4."""
    return 3 * hertz / 200 if hertz < 1000 else 15 + 27 * math.log(hertz / 1000) / math.log(6.4)


def _slaney_hertz(mel: float) -> float:
    return 200 * mel / 3 if mel < 15 else 1000 * 6.4 ** ((mel - 15) / 27)


def _checked(samples: NDArray[np.float32], least: int) -> Tensor:
    if samples.ndim != 1 or len(samples) < least:
        raise ValueError(f"the sound is mono with at least {least} samples, not of the shape {samples.shape}")
    return torch.from_numpy(np.ascontiguousarray(samples, np.float32))
