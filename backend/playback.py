"""What has been sent and what has been heard of one turn, and when to send more.

The listener's own reports decide; the clock only fills in between them. A listener that never reports is assumed to
play from the moment the first frame was sent. The replies of a turn play one after another on one timeline.
"""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

FILL_IN_S = 0.5
"""How long the clock may run on after a report: twice the longest interval in which clients report."""

SILENT_LISTENER_S = 1.0
"""A listener that reported before and then falls silent is taken to have finished this much after it should have."""


@dataclass(slots=True)
class _Track:
    """One reply's stretch of the timeline."""

    first: int
    sent: int = 0
    underruns: int = 0
    first_heard_at: float | None = None


class Playback:
    """Timeline of one turn, in samples at the output rate."""

    def __init__(self, rate_hz: int, clock: Callable[[], float]) -> None:
        self._rate_hz = rate_hz
        self._clock = clock
        self._tracks: dict[int, _Track] = {}
        self._sent = 0
        self._anchor = 0
        self._anchored_at = 0.0
        self._reported: tuple[int, int] | None = None
        self._held = False
        self._certain = 0
        """Where the listener was when it was last gone."""
        self._moved = asyncio.Event()

    def frame_sent(self, reply: int, samples: int) -> None:
        """A frame of `reply` has gone out. Replies are sent one after another."""
        now = self._clock()
        track = self._tracks.get(reply)
        if track is None:
            track = self._tracks[reply] = _Track(first=self._sent)
        if self._running_position(now) >= self._sent:
            track.underruns += track.sent > 0 and not self._held
            self._anchor, self._anchored_at = self._sent, now
        track.sent += samples
        self._sent += samples

    def report(self, reply: int, samples: int) -> None:
        """The listener says it has heard `samples` of `reply`."""
        track = self._tracks.get(reply)
        if track is None:
            return
        now = self._clock()
        heard = min(max(0, samples), track.sent)
        self._anchor, self._anchored_at = track.first + heard, now
        self._reported = reply, heard
        if heard and track.first_heard_at is None:
            track.first_heard_at = now - heard / self._rate_hz
        self._moved.set()

    @property
    def reported(self) -> tuple[int, int] | None:
        """The newest report: a reply, and how many of its samples were heard."""
        return self._reported

    def reached(self, ago_s: float) -> tuple[int, int] | None:
        """The same by the clock, so many seconds ago; `None` while nothing was sent."""
        position = max(self._certain, self.position - int(ago_s * self._rate_hz))
        begun = [(reply, position - track.first) for reply, track in self._tracks.items() if track.first <= position]
        return begun[-1] if begun else None

    def hold(self, reply: int, samples: int) -> None:
        """The listener has gone, having heard so much of `reply`: nothing further is heard until `release`."""
        track = self._tracks.get(reply)
        if track is not None:
            self._anchor = self._certain = track.first + min(samples, track.sent)
        self._held = True

    def release(self) -> None:
        """The listener is back and plays on."""
        self._held = False
        self._anchored_at = self._clock()
        self._moved.set()

    def heard(self, reply: int) -> int:
        """Samples of `reply` the listener has heard by now."""
        track = self._tracks.get(reply)
        if track is None:
            return 0
        return min(max(0, self._position(self._clock()) - track.first), track.sent)

    def sent_samples(self, reply: int) -> int:
        """Samples of `reply` sent."""
        track = self._tracks.get(reply)
        return track.sent if track else 0

    def underruns(self, reply: int) -> int:
        """How often the listener ran dry in the middle of `reply`."""
        track = self._tracks.get(reply)
        return track.underruns if track else 0

    def first_heard_at(self, reply: int) -> float | None:
        """Clock time at which the first sample of `reply` was heard; only a report tells."""
        track = self._tracks.get(reply)
        return track.first_heard_at if track else None

    @property
    def position(self) -> int:
        """Where on the timeline the listener is by now, as far as is known."""
        return self._running_position(self._clock())

    @property
    def playing(self) -> int | None:
        """The reply whose samples the listener has come to; `None` while none was sent."""
        begun = [reply for reply, track in self._tracks.items() if track.first <= self.position]
        return begun[-1] if begun else None

    @property
    def ahead_s(self) -> float:
        """Seconds of audio sent but not yet heard."""
        return (self._sent - self.position) / self._rate_hz

    async def ahead_at_most(self, seconds: float) -> None:
        """Return once no more than `seconds` of audio are unheard."""
        while (excess_s := self.ahead_s - seconds) > 0:
            await self._wait(None if self._held else excess_s)

    async def heard_all(self, reply: int) -> None:
        """Return once every sample sent of `reply` has been heard; at once if none was sent."""
        track = self._tracks.get(reply)
        if track is not None:
            while (rest_s := self._reached_at(track.first + track.sent) - self._clock()) > 0:
                await self._wait(None if self._held else rest_s)

    async def _wait(self, seconds: float | None) -> None:
        """Until the clock has advanced that far, a report came in, or the listener is back."""
        self._moved.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._moved.wait()
        except TimeoutError:
            pass

    def _reached_at(self, position: int) -> float:
        """Clock time at which the listener has heard up to `position`, as far as is known."""
        rest = position - self._anchor
        if rest <= 0:
            return self._anchored_at
        if self._held:
            return math.inf
        grace = SILENT_LISTENER_S if self._reported else 0.0
        return self._anchored_at + rest / self._rate_hz + grace

    def _running_position(self, now: float) -> int:
        """Position when the listener has played on since the last anchor."""
        played = 0 if self._held else int((now - self._anchored_at) * self._rate_hz)
        return min(self._sent, self._anchor + played)

    def _position(self, now: float) -> int:
        """The position that is vouched for: a report, and a little clock."""
        since = 0.0 if self._held else now - self._anchored_at
        if self._reported:
            since = min(since, FILL_IN_S)
        return min(self._sent, self._anchor + int(since * self._rate_hz))
