"""Columns -> windows of frames to decode -> PCM, such that the windows' PCM joined is the PCM of the whole.

The codec's decoder sees ten frames to either side of the one it makes (`codec.RECEPTIVE_FRAMES`). A window therefore
carries ten frames of context that are decoded and thrown away: those frames that are kept come out as in one decode of
the whole utterance, with no seam and nothing to cross-fade.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class ChunkPlan:
    """How many frames (40 ms each) a piece of PCM holds: `first`, then twice as many each time up to `chunk`.

    `context` frames stand before and `lookahead` after what is kept; ten of both are exact. With fewer to look ahead,
    the first sound comes that many steps of the model sooner, and the last `10 - lookahead` frames of every piece
    differ audibly from the exact ones (16 dB signal to noise at 4 with random weights, inaudible at 8 with trained
    ones); pieces then meet in a step.
    """

    first: int = 4
    chunk: int = 64
    context: int = 10
    lookahead: int = 10

    def __post_init__(self) -> None:
        if min(self.first, self.chunk) < 1 or min(self.context, self.lookahead) < 0:
            raise ValueError(f"a chunk plan counts frames, from 1, and context from 0: {self}")


@dataclass(frozen=True, slots=True)
class Window:
    """`codes [C, n]` to decode, of which the frames from `begin` to `end` are kept."""

    codes: NDArray[np.int64]
    begin: int
    end: int


class AudioStream:
    """The columns of one utterance, fed one by one, cut into windows as soon as they can be."""

    def __init__(self, codebooks: int, eos: int, plan: ChunkPlan) -> None:
        self._plan = plan
        self._codebooks = codebooks
        self._eos = eos
        self._size = min(plan.first, plan.chunk)
        self._columns: list[NDArray[np.int64]] = []
        self._frames: list[NDArray[np.int64]] = []
        self._emitted = 0
        self._length: int | None = None

    def feed(self, column: NDArray[np.int64]) -> list[Window]:
        """Take the next column `[C]`, the all-BOS one first; the windows that are due now."""
        self._columns.append(column)
        columns = len(self._columns)
        if self._length is None and column[0] == self._eos:
            self._length = columns - 2
        frame = columns - 1 - self._codebooks
        if frame >= 0 and (self._length is None or frame < self._length):
            self._frames.append(
                np.array([self._columns[frame + 1 + k][k] for k in range(self._codebooks)], dtype=np.int64)
            )
        windows: list[Window] = []
        while self._length is None and len(self._frames) >= self._emitted + self._size + self._plan.lookahead:
            windows.append(self._window(self._emitted + self._size))
            self._size = min(2 * self._size, self._plan.chunk)
        return windows

    def finish(self) -> list[Window]:
        """The windows of what is left, when no column follows."""
        windows: list[Window] = []
        while self._emitted < len(self._frames):
            windows.append(self._window(min(self._emitted + self._plan.chunk, len(self._frames))))
        return windows

    def _window(self, end: int) -> Window:
        low = max(0, self._emitted - self._plan.context)
        high = min(len(self._frames), end + self._plan.lookahead)
        codes = np.stack(self._frames[low:high], axis=1)
        window = Window(codes, self._emitted - low, end - low)
        self._emitted = end
        return window


def pcm16(samples: NDArray[np.float32]) -> bytes:
    """Samples -> PCM16LE. Louder than full scale is clipped: as an integer it would wrap around to a crack."""
    return np.rint(np.clip(samples, -1.0, 1.0) * 32767.0).astype("<i2").tobytes()
