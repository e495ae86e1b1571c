"""Recordings for tests."""

from __future__ import annotations

import io
import wave
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def a_sound(seconds: float, rate: int, seed: int = 0) -> NDArray[np.float32]:
    """A hum with some noise, other for another seed."""
    draw = np.random.default_rng(seed)
    time = np.arange(round(seconds * rate)) / rate
    hum = np.sin(2 * np.pi * draw.uniform(90, 250) * time) + np.sin(2 * np.pi * draw.uniform(500, 3000) * time)
    return (0.2 * hum + 0.02 * draw.standard_normal(len(time))).astype(np.float32)


def wav(samples: NDArray[np.float32], rate: int, channels: int = 1) -> bytes:
    """A WAV file of 16 bits with the same samples in all channels."""
    held = io.BytesIO()
    with wave.open(held, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.repeat(np.round(samples * 32767).astype("<i2"), channels).tobytes())
    return held.getvalue()
