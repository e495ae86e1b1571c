"""Sent versus heard."""

from __future__ import annotations

import asyncio

import pytest

from backend.playback import FILL_IN_S, SILENT_LISTENER_S, Playback

pytestmark = pytest.mark.virtual_time
RATE_HZ = 24_000


def playback() -> Playback:
    return Playback(RATE_HZ, asyncio.get_running_loop().time)


async def test_a_silent_listener_plays_by_the_clock():
    """Without reports the listener is taken to play from the first frame on."""
    p = playback()
    p.frame_sent(0, 2 * RATE_HZ)
    await asyncio.sleep(0.5)
    assert p.heard(0) == RATE_HZ // 2
    await p.heard_all(0)
    assert p.heard(0) == 2 * RATE_HZ


async def test_reports_decide_and_the_clock_fills_in_only_briefly():
    """Between two reports the clock runs on, but not for longer than clients take between reports."""
    p = playback()
    p.frame_sent(0, 10 * RATE_HZ)
    await asyncio.sleep(2.0)
    p.report(0, RATE_HZ)
    assert p.heard(0) == RATE_HZ
    await asyncio.sleep(0.2)
    assert p.heard(0) == pytest.approx(1.2 * RATE_HZ, abs=2)
    await asyncio.sleep(3.0)
    assert p.heard(0) == pytest.approx((1 + FILL_IN_S) * RATE_HZ, abs=2)


async def test_a_listener_that_stops_reporting_does_not_hold_the_turn():
    """A client whose reports cease is taken to have finished soon after it should have."""
    p = playback()
    p.frame_sent(0, 2 * RATE_HZ)
    p.report(0, RATE_HZ)
    began = asyncio.get_running_loop().time()
    await p.heard_all(0)
    assert asyncio.get_running_loop().time() - began == pytest.approx(1.0 + SILENT_LISTENER_S, abs=0.01)


async def test_the_last_report_ends_the_wait():
    """When the client says it has heard the end, that is the end."""
    p = playback()
    p.frame_sent(0, 2 * RATE_HZ)
    p.report(0, 100)
    waiting = asyncio.create_task(p.heard_all(0))
    await asyncio.sleep(0.1)
    p.report(0, 2 * RATE_HZ)
    began = asyncio.get_running_loop().time()
    await waiting
    assert asyncio.get_running_loop().time() == began


async def test_more_cannot_be_heard_than_was_sent():
    """Reports beyond what was sent, below zero or for unknown replies change nothing they should not."""
    p = playback()
    p.frame_sent(0, 100)
    p.report(0, 10**12)
    p.report(7, 5)
    assert p.heard(0) == 100
    p.report(0, -5)
    assert p.heard(0) == 0


async def test_running_dry_is_counted_once_and_time_stops():
    """An underrun is counted, and the pause is not taken for heard audio."""
    p = playback()
    p.frame_sent(0, RATE_HZ)
    await asyncio.sleep(3.0)
    p.frame_sent(0, RATE_HZ)
    assert p.underruns(0) == 1
    assert p.heard(0) == RATE_HZ
    await asyncio.sleep(0.5)
    assert p.heard(0) == 1.5 * RATE_HZ


async def test_replies_play_one_after_another():
    """The second reply is heard only when the first one is over."""
    p = playback()
    p.frame_sent(0, RATE_HZ)
    p.frame_sent(1, RATE_HZ)
    await asyncio.sleep(1.25)
    assert (p.heard(0), p.heard(1)) == (RATE_HZ, RATE_HZ // 4)
    assert p.underruns(1) == 0


async def test_pacing_waits_for_the_listener():
    """Sending waits until no more than the lead is unheard, as the listener reports it."""
    p = playback()
    p.frame_sent(0, 3 * RATE_HZ)
    began = asyncio.get_running_loop().time()
    await p.ahead_at_most(1.0)
    assert asyncio.get_running_loop().time() - began == pytest.approx(2.0, abs=0.001)


async def test_the_first_sample_played_is_dated_back():
    """The report of n samples heard means the first was heard n samples ago."""
    p = playback()
    p.frame_sent(0, RATE_HZ)
    await asyncio.sleep(0.3)
    p.report(0, RATE_HZ // 10)
    assert p.first_heard_at(0) == pytest.approx(asyncio.get_running_loop().time() - 0.1)


async def test_a_listener_that_goes_again_and_again_is_where_it_was():
    """The second that may have passed unnoticed is taken off the time there was to hear anything, and no more."""
    p = playback()
    p.frame_sent(0, 10 * RATE_HZ)
    await asyncio.sleep(5.0)
    for _ in range(3):
        p.hold(*p.reached(1.0))
        assert p.reached(1.0) == (0, 4 * RATE_HZ)
        p.release()
    await asyncio.sleep(0.5)
    assert p.reached(1.0) == (0, 4 * RATE_HZ)
    await asyncio.sleep(1.5)
    assert p.reached(1.0) == (0, 5 * RATE_HZ)
