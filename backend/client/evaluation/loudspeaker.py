"""A simulated loudspeaker that plays what it is fed, frame by frame, and knows how far it is.

It is pulled by whoever has the clock, so that what it plays can be recorded in the same instant. Knows nothing of time
or sockets.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import numpy as np

from backend.audio import to_float

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from backend.client.connection import AudioFrame

PREBUFFER = 3
"""Pulls for which it stays silent after it has run dry: 60 ms at 20 ms a pull."""

DUCKED = 0.3
"""Gain of a duck that names none."""


class Loudspeaker:
    """Plays the newest turn. `position`: the reply being heard and the samples of it heard so far, once there are."""

    def __init__(self) -> None:
        self.turn = 0
        self.position: tuple[int, int] | None = None
        self.heard = 0
        """Samples of this turn heard, of all replies."""
        self._gain = 1.0
        self._stopped = 0
        self._waiting: deque[tuple[AudioFrame, NDArray[np.float32]]] = deque()
        self._offset = 0
        self._prebuffer = PREBUFFER

    def feed(self, frame: AudioFrame) -> None:
        """Take a frame as it arrives. Frames of turns that are over are not played."""
        if frame.turn < self.turn or frame.turn <= self._stopped:
            return
        if frame.turn > self.turn:
            self._forget()
            self.turn, self.position, self.heard, self._gain = frame.turn, None, 0, 1.0
        if frame.samples:
            self._waiting.append((frame, to_float(frame.pcm)))

    def duck(self, gain: float) -> None:
        """Play at `gain` from now on; 0 holds playback and keeps what waits."""
        self._gain = gain

    def unduck(self) -> None:
        """Play on as before."""
        self._gain = 1.0

    def stop(self, turn: int) -> None:
        """Nothing more of `turn`, or of one before it, is played."""
        self._stopped = max(self._stopped, turn)
        if self.turn <= turn:
            self._forget()

    def pull(self, count: int) -> NDArray[np.float32]:
        """The next `count` samples that sound, silence where there are none."""
        out = np.zeros(count, np.float32)
        if not self._waiting:
            self._prebuffer = PREBUFFER
        elif self._prebuffer:
            self._prebuffer -= 1
        elif self._gain:
            self._fill(out)
        return out * np.float32(self._gain)

    def _fill(self, out: NDArray[np.float32]) -> None:
        filled = 0
        while self._waiting and filled < out.size:
            frame, samples = self._waiting[0]
            piece = samples[self._offset : self._offset + out.size - filled]
            out[filled : filled + piece.size] = piece
            filled += piece.size
            self._offset += piece.size
            self.position = (frame.reply, frame.first_sample + self._offset)
            if self._offset == samples.size:
                self._waiting.popleft()
                self._offset = 0
        self.heard += filled

    def _forget(self) -> None:
        self._waiting.clear()
        self._offset = 0
