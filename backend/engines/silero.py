"""Voice activity by Silero's network: one model for all sessions, a few kilobytes of state for each.

Runs inline on the event loop; nothing on a server is called more often. Knows nothing of turns or thresholds.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from backend.audio import SAMPLE_BYTES
from backend.engines.onnx import load_network
from backend.errors import ConfigurationError

if TYPE_CHECKING:
    from numpy.typing import NDArray

WINDOW_SAMPLES = 512
"""Samples judged at a time: 32 ms at 16 kHz."""

WINDOW_BYTES = WINDOW_SAMPLES * SAMPLE_BYTES

CONTEXT_SAMPLES = 64
"""Samples of the window before, which the network sees in front of each window."""

QUIET_PEAK = 64
"""A window that never exceeds this (of 32768, -54 dB) holds no speech, and the network is not asked: an open microphone
in a quiet room, which is most of what a server hears, costs next to nothing, and the end of speech shows at once."""

QUIET_WINDOWS = 8
"""Quiet windows in a row (256 ms) after which the next sound begins a new stream; stops inside words are shorter."""

STATE_SHAPE = (1, 1, 128)
PCM_SCALE = np.float32(1 / 32768)


class SileroVad:
    """The model. Thread-safe and stateless; what a session hears is in its `VadStream`."""

    def __init__(self) -> None:
        """Load the network (a few milliseconds). Raises `ConfigurationError` when its file is not installed."""
        self._session = load_network(_model_file())

    def open(self) -> VadStream:
        """A detector for one stream of audio."""
        return VadStream(self._session)


class VadStream:
    """Judges one stream of audio, window after window."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self._input = np.zeros((1, CONTEXT_SAMPLES + WINDOW_SAMPLES), np.float32)
        self._context = self._input[0, :CONTEXT_SAMPLES]
        self._window = self._input[0, CONTEXT_SAMPLES:]
        self._tail = self._input[0, WINDOW_SAMPLES:]
        self._probability = np.zeros(1, np.float32)
        self._quiet_run = 0
        self._states = [np.zeros((2, *STATE_SHAPE), np.float32) for _ in range(2)]
        # The network reads one state and writes the other, so nothing is allocated or copied between two windows.
        self._forth = self._bind(self._states[0], self._states[1])
        self._back = self._bind(self._states[1], self._states[0])

    def probability(self, window: bytes) -> float:
        """How likely `window` (exactly 512 samples, PCM16LE mono 16 kHz) contains speech, in [0, 1].

        Raises `ValueError` for a window of another length.
        """
        if len(window) != WINDOW_BYTES:
            raise ValueError(f"a window is {WINDOW_BYTES} bytes, not {len(window)}")
        samples = np.frombuffer(window, "<i2")
        if samples.max() < QUIET_PEAK and samples.min() > -QUIET_PEAK:
            self._quiet_run += 1
            if self._quiet_run == QUIET_WINDOWS:
                self.reset()
            return 0.0
        self._quiet_run = 0
        np.multiply(samples, PCM_SCALE, out=self._window)
        self._session.run_with_iobinding(self._forth)
        self._forth, self._back = self._back, self._forth
        self._context[:] = self._tail
        return float(self._probability[0])

    def reset(self) -> None:
        """Forget what was heard; the next window begins a new stream."""
        self._context.fill(0)
        for state in self._states:
            state.fill(0)

    def _bind(self, read: NDArray[np.float32], written: NDArray[np.float32]) -> Any:
        """A run of the network over this stream's arrays; states have shape [2 (h, c), 1, 1, 128]."""
        binding = self._session.io_binding()
        for name, array in (("input", self._input), ("h", read[0]), ("c", read[1])):
            binding.bind_input(name, "cpu", 0, np.float32, array.shape, array.ctypes.data)
        for name, array in (("speech_probs", self._probability), ("hn", written[0]), ("cn", written[1])):
            binding.bind_output(name, "cpu", 0, np.float32, array.shape, array.ctypes.data)
        return binding


def _model_file() -> Path:
    """The network in faster-whisper's package, found without importing that package, which is large."""
    spec = find_spec("faster_whisper")
    folders = spec.submodule_search_locations if spec else None
    files = sorted(path for folder in folders or () for path in Path(folder, "assets").glob("silero_vad_v*.onnx"))
    if not files:
        raise ConfigurationError("no Silero network found: pip install 'faster-whisper>=1.2'")
    return files[-1]
