"""The simulated loudspeaker, on virtual time."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest

from backend.client.concurrency import beside
from backend.client.connection import AudioFrame
from backend.client.player import Player

pytestmark = pytest.mark.virtual_time

RATE_HZ = 1000


def audio(first: int, samples: int, turn: int = 1, reply: int = 0) -> AudioFrame:
    return AudioFrame(turn, reply, 0, 0, first, 0, bytes([reply + 1, 0]) * samples)


class Listener:
    """A player at 1 kHz with 60 ms prebuffer, and what it reports: (turn, reply, samples, seconds since the start)."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.began = self.loop.time()
        self.reports: list[tuple[int, int, int, float]] = []
        self.heard = bytearray()
        self.player = Player(RATE_HZ, self.report, sink=self.heard.extend, clock=self.loop.time)

    async def report(self, turn, reply, samples):
        self.reports.append((turn, reply, samples, round(self.loop.time() - self.began, 3)))


async def test_positions_are_reported_every_200_ms_and_at_the_end():
    """The server cuts memory by these reports: they come in the protocol's rhythm and the last one is complete."""
    listener = Listener()
    async with beside(listener.player.run()):
        listener.player.feed(audio(0, 300))
        listener.player.feed(audio(300, 200))
        await listener.player.finished()
    positions = [report[2] for report in listener.reports]
    assert positions == sorted(set(positions))
    assert positions[-1] == 500
    times = [report[3] for report in listener.reports]
    assert times[0] == 0.2
    assert all(later - earlier <= 0.201 for earlier, later in pairwise(times))
    assert listener.reports[0] == pytest.approx((1, 0, 140, 0.2), abs=1)
    assert len(listener.heard) == 1000


async def test_every_reply_of_a_turn_is_reported_to_its_end():
    """The second reply must not swallow the last report of the first."""
    listener = Listener()
    async with beside(listener.player.run()):
        listener.player.feed(audio(0, 150, reply=0))
        listener.player.feed(audio(0, 150, reply=1))
        await listener.player.finished()
    assert {reply: samples for _, reply, samples, _ in listener.reports} == {0: 150, 1: 150}
    assert listener.player.gaps_s == [0.0]
    assert listener.player.underruns == 0


async def test_a_stop_reports_where_it_stopped_and_drops_the_rest():
    """What comes after an interrupt is never heard, and the position is that of the interrupt."""
    listener = Listener()
    async with beside(listener.player.run()):
        listener.player.feed(audio(0, 1000))
        await asyncio.sleep(0.31)
        await listener.player.stop(1)
        assert listener.reports[-1] == pytest.approx((1, 0, 250, 0.31), abs=1)
        stopped_at = listener.reports[-1][2]
        assert not listener.player.feed(audio(1000, 500))
        assert listener.player.feed(audio(0, 100, turn=2))
        await listener.player.finished()
    assert [r[2] for r in listener.reports if r[0] == 1][-1] == stopped_at
    assert len(listener.heard) == 2 * (stopped_at + 100)


async def test_stopping_an_older_turn_does_not_touch_the_newer_one():
    """A late stop must not cut off what has just begun."""
    listener = Listener()
    async with beside(listener.player.run()):
        listener.player.feed(audio(0, 100, turn=2))
        await listener.player.stop(1)
        await listener.player.finished()
    assert listener.reports[-1][:3] == (2, 0, 100)


async def test_a_newer_turn_replaces_what_is_left_of_the_older_one():
    """Two turns never sound at the same time."""
    listener = Listener()
    async with beside(listener.player.run()):
        listener.player.feed(audio(0, 1000))
        await asyncio.sleep(0.16)
        listener.player.feed(audio(0, 50, turn=2))
        assert not listener.player.feed(audio(1000, 50, turn=1))
        await listener.player.finished()
    assert listener.reports[-1][:3] == (2, 0, 50)
    assert len(listener.heard) == pytest.approx(2 * 150, abs=4)


async def test_running_dry_inside_a_reply_is_an_underrun_and_between_replies_a_gap():
    """The two faults have different causes and are counted apart."""
    listener = Listener()
    listener.player.feed(audio(0, 100))
    await asyncio.sleep(0.3)
    listener.player.feed(audio(100, 100))
    await asyncio.sleep(0.3)
    listener.player.feed(audio(0, 100, reply=1))
    assert listener.player.underruns == 1
    assert listener.player.gaps_s == [pytest.approx(0.2)]


async def test_audio_that_comes_in_time_is_no_underrun():
    """The prebuffer bridges a frame that is a little late."""
    listener = Listener()
    for first in range(0, 500, 100):
        listener.player.feed(audio(first, 100))
        await asyncio.sleep(0.11)
    assert listener.player.underruns == 0
    assert not listener.player.gaps_s


async def test_a_frame_without_samples_only_carries_flags():
    """The last frame of a reply may be empty; it neither plays nor counts as a start."""
    listener = Listener()
    assert listener.player.feed(audio(0, 0))
    async with beside(listener.player.run()):
        await listener.player.finished()
    assert listener.reports == []


async def test_a_held_reply_goes_on_where_it_stood():
    """While the server listens whether somebody cuts in, nothing is heard, nothing is lost, and the position stays."""
    listener = Listener()
    async with beside(listener.player.run()):
        listener.player.feed(audio(0, 500))
        await asyncio.sleep(0.26)
        listener.player.hold(True)
        await asyncio.sleep(2.0)
        assert listener.reports[-1][2] == pytest.approx(200, abs=2)
        listener.player.hold(False)
        await listener.player.finished()
    assert listener.reports[-1] == pytest.approx((1, 0, 500, 2.56), abs=0.01)
    assert len(listener.heard) == 1000


async def test_a_held_reply_that_is_stopped_says_where_it_stood():
    """An interruption counts what was heard before the hold, and the next turn is not held."""
    listener = Listener()
    async with beside(listener.player.run()):
        listener.player.feed(audio(0, 500))
        await asyncio.sleep(0.16)
        listener.player.hold(True)
        await asyncio.sleep(1.0)
        await listener.player.stop(1)
        assert listener.reports[-1][:3] == pytest.approx((1, 0, 100), abs=2)
        listener.player.feed(audio(0, 100, turn=2))
        await listener.player.finished()
    assert listener.reports[-1][:3] == (2, 0, 100)
