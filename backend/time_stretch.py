"""Speech made faster or slower at its own pitch: WSOLA, waveform-similarity overlap-add.

W. Verhelst and M. Roelands, "An overlap-add technique based on waveform similarity (WSOLA) for high quality time-scale
modification of speech", ICASSP 1993.

Overlapping windows of the input are laid at other distances than they had. Each may be moved by a few milliseconds to
where it best resembles what would have followed the window before it, so that the waves of both add up in phase. With
Hann windows that overlap by half, all but two neighbours are silent at any moment and their weights sum to one: what
comes out is a chain of crossfades, each half a window long.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

SLOWEST, FASTEST = 0.25, 4.0
WINDOW_S = 0.030  # holds two periods of a low voice
TOLERANCE_S = 0.008  # to either side; together a period of the lowest voices


class TimeStretch:
    """Streaming time stretch of PCM at `rate_hz`; `speed` 2 takes half as long. Speed 1 passes through untouched.

    Output of all `feed` calls and `finish` together is the same bytes however the input was cut, and lasts as long as
    the input divided by `speed`, to the sample. It runs at most 100 ms of input behind. Raises `ValueError` for a speed
    outside 0.25 to 4.
    """

    def __init__(self, rate_hz: int, speed: float) -> None:
        if not SLOWEST <= speed <= FASTEST:
            raise ValueError(f"speed is {speed}; it can be {SLOWEST} to {FASTEST}")
        self._speed = speed
        self._hop = round(rate_hz * WINDOW_S / 2)
        self._tolerance = round(rate_hz * TOLERANCE_S)
        self._fade_in = 0.5 - 0.5 * np.cos(np.pi * (np.arange(self._hop) + 0.5) / self._hop)
        self._input: NDArray[np.float64] = np.zeros(0)  # samples from `_origin` on, as float64
        self._origin: int = 0  # counts, like all places below, in samples from the start of the input
        self._centre = 0  # of the newest window
        self._windows = 0  # laid so far, besides the one around the very first sample

    def feed(self, pcm: bytes) -> bytes:
        """Stretched audio that is certain by now; may be empty. `pcm` holds whole samples, as many as there are."""
        if self._speed == 1.0:
            return pcm
        self._input = np.concatenate((self._input, np.frombuffer(pcm, "<i2")))
        received = self._origin + len(self._input)
        out: list[bytes] = []
        while (due := self._due()) + self._margin <= received:
            out.append(self._lay_window(due))
        return b"".join(out)

    def finish(self) -> bytes:
        """The rest. The stretch is used up."""
        if self._speed == 1.0:
            return b""
        total = self._origin + len(self._input)
        missing = round(total / self._speed) - self._windows * self._hop
        silence = np.zeros(max(0, 2 * self._margin - total))  # input shorter than one search
        self._input = np.concatenate((self._input, silence))
        last = total + len(silence) - self._margin
        windows = [self._lay_window(min(self._due(), last)) for _ in range(0, missing, self._hop)]
        return b"".join(windows)[: 2 * missing]

    @property
    def _margin(self) -> int:
        """Samples that a window and its search take to either side of where it is due."""
        return self._hop + self._tolerance

    def _due(self) -> int:
        """Where the centre of the next window is by the clock, at least a margin from the start."""
        return max(round((self._windows + 1) * self._hop * self._speed), self._margin)

    def _lay_window(self, due: int) -> bytes:
        """Crossfade from the newest window to the one near `due` that continues it best; shape [hop]."""
        newest, begin = self._centre - self._origin, due - self._margin
        falling = self._input[newest : newest + self._hop]
        self._input, self._origin = self._input[begin - self._origin :], begin
        candidates = self._input[: self._hop + 2 * self._tolerance]
        at = best_match(falling, candidates)
        self._centre = begin + at + self._hop
        self._windows += 1
        rising = candidates[at : at + self._hop]
        return np.rint(falling + self._fade_in * (rising - falling)).astype("<i2").tobytes()


def best_match(pattern: NDArray[np.float64], within: NDArray[np.float64]) -> int:
    """Offset in `within` (longer than `pattern`) where the normalised cross-correlation with `pattern` is greatest.

    Both hold whole numbers of 16 bits: all sums are exact in float64, and so the same in whatever order they are taken.
    """
    likeness = np.correlate(within, pattern)
    energy_before = np.concatenate(((0.0,), np.cumsum(np.square(within))))
    energy = energy_before[len(pattern) :] - energy_before[: -len(pattern)]
    return int(np.argmax(likeness / np.sqrt(np.maximum(energy, 1.0))))
