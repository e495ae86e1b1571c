"""Which of several servers is asked, and when one that failed is asked again. On virtual time."""

from __future__ import annotations

import asyncio
import itertools
from contextlib import asynccontextmanager

import pytest

from backend.engines.server_pool import LONGEST_PAUSE_S, ServerPool
from backend.engines.speech_server import ServerFailed
from backend.engines.tasks import stop
from tests.speech_servers import ScriptedServer

pytestmark = pytest.mark.virtual_time

VOICES = [f"voice {number}" for number in range(40)]


def servers(count: int = 3) -> list[ScriptedServer]:
    return [ScriptedServer(f"server-{number}") for number in range(count)]


@asynccontextmanager
async def probing(*members: ScriptedServer):
    """A pool that probes its servers."""
    pool = ServerPool(members)
    task = asyncio.create_task(pool.probe_those_down())
    await asyncio.sleep(0)
    try:
        yield pool
    finally:
        await stop(task)


def fail(pool: ServerPool, *members: ScriptedServer, retry_after_s: float = 0.0) -> None:
    for member in members:
        pool.failed(member, ServerFailed("gone", retry_after_s))


async def test_the_least_busy_server_is_asked():
    """Texts are spread by how many each server has in work."""
    members = servers()
    pool = ServerPool(members)
    members[0].in_flight, members[2].in_flight = 2, 1
    assert {pool.choose(voice, None, (), up_only=False) for voice in VOICES} == {members[1]}


async def test_idle_servers_share_the_voices_and_keep_them():
    """A voice always begins with the same server, which knows it from before, and voices are spread; when a server is
    added, most stay."""
    members = servers(4)
    few, more = ServerPool(members[:3]), ServerPool(members)
    before = {voice: few.choose(voice, None, (), up_only=False) for voice in VOICES}
    after = {voice: more.choose(voice, None, (), up_only=False) for voice in VOICES}
    assert set(before.values()) == set(members[:3])
    assert all(after[voice] in (before[voice], members[3]) for voice in VOICES)
    assert 0 < sum(after[voice] is members[3] for voice in VOICES) < len(VOICES) / 2


@pytest.mark.parametrize(("busy", "stays"), [(0, True), (1, True), (2, False)])
async def test_a_voice_leaves_its_server_only_for_a_clearly_less_busy_one(busy, stays):
    """One text more in work is no reason, two are."""
    members = servers(2)
    members[0].in_flight = busy
    assert (ServerPool(members).choose("nova", members[0], (), up_only=False) is members[0]) == stays


async def test_one_that_is_down_is_asked_only_when_nobody_else_is_left():
    """Of several that are down, the one that is due first; and none twice for the same text."""
    members = servers()
    async with probing(*members) as pool:
        fail(pool, members[0])
        assert members[0] not in {pool.choose(voice, members[0], (), up_only=False) for voice in VOICES}
        fail(pool, members[1], retry_after_s=9)
        assert pool.is_left([members[0]])
        assert not pool.is_left([members[2]])
        assert pool.choose("nova", None, [members[2]], up_only=False) is members[0]
        assert pool.choose("nova", None, [members[2], members[0]], up_only=False) is members[1]
        assert pool.choose("nova", None, [members[2]], up_only=True) is None
        assert pool.choose("nova", None, members, up_only=False) is None


async def test_nothing_is_probed_while_all_are_up():
    """The task sleeps for as long as nothing is due."""
    members = servers()
    async with probing(*members):
        await asyncio.sleep(3600)
    assert not any(member.probed for member in members)


async def test_a_server_is_probed_after_growing_pauses_until_it_answers():
    """A second at first, twice as long each time, and no longer than half a minute; the others are left alone."""
    members = servers(2)
    async with probing(*members) as pool:
        members[0].alive, began = False, asyncio.get_running_loop().time()
        fail(pool, members[0])
        await asyncio.sleep(100)
        times = [began, *members[0].probed]
        pauses = [round(later - earlier, 3) for earlier, later in itertools.pairwise(times)]
        assert pauses == [1, 2, 4, 8, 16, LONGEST_PAUSE_S, LONGEST_PAUSE_S]
        members[0].alive = True
        await asyncio.sleep(LONGEST_PAUSE_S)
        assert members[0].up
        count = len(members[0].probed)
        await asyncio.sleep(3600)
        assert len(members[0].probed) == count
        assert not members[1].probed


async def test_only_speech_makes_good_for_failures():
    """One that answers probes and fails at texts is left alone longer each time; one that has spoken starts anew."""
    (member,) = servers(1)
    async with probing(member) as pool:
        pauses = []
        for _ in range(3):
            fail(pool, member)
            began = asyncio.get_running_loop().time()
            await asyncio.sleep(20)
            pauses.append(round(member.probed[-1] - began, 3))
        assert pauses == [1, 2, 4]
        pool.spoke(member)
        fail(pool, member)
        began = asyncio.get_running_loop().time()
        await asyncio.sleep(20)
        assert round(member.probed[-1] - began, 3) == 1


async def test_many_failures_at_once_are_one():
    """A server that dies takes all its texts with it; that is one reason to leave it alone, not twenty."""
    (member,) = servers(1)
    async with probing(member) as pool:
        fail(pool, *[member] * 20)
        assert member.failures == 20
        await asyncio.sleep(1.5)
        assert member.up


async def test_a_full_server_is_left_alone_as_long_as_it_asks():
    """`Retry-After` is kept to, up to half a minute."""
    members = servers(2)
    async with probing(*members) as pool:
        began = asyncio.get_running_loop().time()
        fail(pool, members[0], retry_after_s=5)
        fail(pool, members[1], retry_after_s=86_400)
        await asyncio.sleep(60)
        assert [round(member.probed[0] - began, 3) for member in members] == [5, LONGEST_PAUSE_S]
