"""What a listener would have heard by now: plays frames against a clock and reports how far it is.

A simulated loudspeaker: audio that finds it silent starts `prebuffer_s` later, everything else follows without a gap.
Knows nothing of sockets; real loudspeakers are fed beside it and sound at the same time.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from backend.audio import SAMPLE_BYTES

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from backend.client.connection import AudioFrame

PREBUFFER_S = 0.06
REPORT_EVERY_S = 0.2


@dataclass(slots=True)
class _Piece:
    """A frame on the timeline. `played`: samples of it that have been heard."""

    frame: AudioFrame
    starts_at: float
    played: int = 0


class Player:
    """Plays the newest turn's frames, at `rate_hz`.

    `report` is told (turn, reply, samples heard of it) while `run` runs and at a stop; `sink` gets the audio that has
    been heard, in order. Times are in seconds of `clock`.
    """

    def __init__(
        self,
        rate_hz: int,
        report: Callable[[int, int, int], Awaitable[None]],
        *,
        sink: Callable[[bytes], None] | None = None,
        prebuffer_s: float = PREBUFFER_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rate_hz = rate_hz
        self._report = report
        self._sink = sink
        self._prebuffer_s = prebuffer_s
        self._clock = clock
        self._turn = 0
        self._stopped = 0
        self._pieces: deque[_Piece] = deque()
        self._ends_at = 0.0
        self._held_at: float | None = None
        self._held_s = 0.0
        self._reply: int | None = None
        self._heard: dict[int, int] = {}
        self._reported: dict[int, int] = {}
        self._busy = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self.underruns = 0
        """How often this turn ran dry in the middle of a reply."""
        self.gaps_s: list[float] = []
        """Silence before each reply of this turn but the first."""

    def feed(self, frame: AudioFrame) -> bool:
        """Take a frame as it arrives; false when it is of a turn that is over and is not played."""
        if frame.turn < self._turn or frame.turn <= self._stopped:
            return False
        if frame.turn > self._turn:
            self._begin(frame.turn)
        if frame.samples:
            starts_at = self._next_start(frame.reply)
            self._pieces.append(_Piece(frame, starts_at))
            self._ends_at = starts_at + frame.samples / self._rate_hz
            self._reply = frame.reply
            self._idle.clear()
            self._busy.set()
        return True

    async def run(self) -> None:
        """Report every `REPORT_EVERY_S` while playing, until cancelled."""
        while True:
            await self._busy.wait()
            while (rest_s := self._ends_at - self._now()) > 0:
                await asyncio.sleep(min(REPORT_EVERY_S, rest_s))
                await self._report_progress()
            self._busy.clear()
            await self._report_progress()
            if not self._busy.is_set():
                self._idle.set()

    async def finished(self) -> None:
        """Return once everything received has been played. Needs `run`."""
        await self._idle.wait()

    def hold(self, held: bool) -> None:
        """Stand still in mid-word, or go on from there."""
        if held and self._held_at is None:
            self._held_at = self._clock()
        elif not held and self._held_at is not None:
            self._held_s += self._clock() - self._held_at
            self._held_at = None

    async def stop(self, turn: int) -> None:
        """Nothing more of `turn`, or of one before it, is played; says where it stopped."""
        self._stopped = max(self._stopped, turn)
        self.hold(False)
        if self._turn <= turn:
            self._advance()
            self._cut()
            await self._report_progress()

    def _now(self) -> float:
        """Time on the timeline of what is played, which stands still while that is held."""
        return (self._clock() if self._held_at is None else self._held_at) - self._held_s

    def _begin(self, turn: int) -> None:
        self.hold(False)
        self._advance()
        self._cut()
        self._turn, self._reply = turn, None
        self._heard, self._reported = {}, {}
        self.underruns, self.gaps_s = 0, []

    def _next_start(self, reply: int) -> float:
        """When the audio arriving now is heard."""
        now = self._now()
        dry = now >= self._ends_at
        starts_at = now + self._prebuffer_s if dry else self._ends_at
        if reply == self._reply:
            self.underruns += dry
        elif self._reply is not None:
            self.gaps_s.append(starts_at - self._ends_at)
        return starts_at

    def _advance(self) -> None:
        """Hear what is due by now."""
        now = self._now()
        while self._pieces:
            piece = self._pieces[0]
            frame = piece.frame
            due = frame.samples if now >= self._ends_at else int((now - piece.starts_at) * self._rate_hz)
            played = min(max(due, piece.played), frame.samples)
            if played > piece.played:
                if self._sink is not None:
                    self._sink(frame.pcm[piece.played * SAMPLE_BYTES : played * SAMPLE_BYTES])
                piece.played = played
                self._heard[frame.reply] = frame.first_sample + played
            if played < frame.samples:
                return
            self._pieces.popleft()

    def _cut(self) -> None:
        self._pieces.clear()
        self._ends_at = min(self._ends_at, self._now())

    async def _report_progress(self) -> None:
        self._advance()
        turn = self._turn
        news = [(reply, heard) for reply, heard in self._heard.items() if self._reported.get(reply) != heard]
        self._reported = dict(self._heard)
        for reply, heard in news:
            await self._report(turn, reply, heard)
