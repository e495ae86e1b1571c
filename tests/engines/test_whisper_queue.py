"""The turns at a model that many want: who gets the next one."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from backend.engines.whisper_queue import FairQueue

pytestmark = pytest.mark.virtual_time

SOON, LATER = 0, 1


class Model:
    """Works a second on each turn and keeps a list of whom it worked for."""

    def __init__(self) -> None:
        self.queue = FairQueue()
        self.served: list[str] = []
        self.working = 0

    async def work(self, name: str, rank: int) -> None:
        async with self.queue.turn(rank):
            self.working += 1
            try:
                assert self.working == 1
                await asyncio.sleep(1)
                self.served.append(name)
            finally:
                self.working -= 1


async def test_a_free_model_is_had_at_once():
    """Nobody waits for a model that nobody uses, and it is free again afterwards."""
    queue = FairQueue()
    assert queue.idle
    async with queue.turn(LATER):
        assert not queue.idle
    assert queue.idle


async def test_rank_goes_before_arrival():
    """An answer that somebody waits for never waits behind partial transcripts, and equals keep their order."""
    model = Model()
    async with asyncio.TaskGroup() as group:
        for name, rank in (("first", LATER), ("p", LATER), ("a", SOON), ("q", LATER), ("b", SOON)):
            group.create_task(model.work(name, rank))
            await asyncio.sleep(0.01)
    assert model.served == ["first", "a", "b", "p", "q"]
    assert model.queue.idle


async def test_eight_streams_take_turns():
    """However eager a stream is, it goes behind all others after each turn."""
    model = Model()

    async def stream(name: str, turns: int) -> None:
        for _ in range(turns):
            await model.work(name, LATER)

    async with asyncio.TaskGroup() as group:
        for name in "abcdefgh":
            group.create_task(stream(name, 5))
    rounds = [model.served[start : start + 8] for start in range(0, 40, 8)]
    assert rounds == [list("abcdefgh")] * 5


async def test_answers_do_not_starve_each_other():
    """Of eight streams that all want answers without end, none waits for more turns than there are other streams."""
    model = Model()
    longest = Counter[str]()

    async def stream(name: str) -> None:
        for _ in range(10):
            before = len(model.served)
            await model.work(name, SOON)
            longest[name] = max(longest[name], len(model.served) - before)

    async with asyncio.TaskGroup() as group:
        for name in "abcdefgh":
            group.create_task(stream(name))
    assert set(longest.values()) == {8}


async def test_a_cancelled_claim_leaves_no_slot_behind():
    """A stream that is closed while it waits is passed over; when all are done the model is free."""
    model = Model()
    tasks = [asyncio.create_task(model.work(name, LATER)) for name in ("first", "closed", "next")]
    await asyncio.sleep(0.5)
    tasks[1].cancel()
    await asyncio.wait(tasks, timeout=60)
    assert model.served == ["first", "next"]
    assert model.queue.idle


@pytest.mark.parametrize("cancelled_first", ["the claim", "the holder"])
async def test_a_turn_that_comes_together_with_the_cancellation_is_passed_on(cancelled_first):
    """In whichever order the turn and the cancellation arrive, the turn is not lost."""
    model = Model()
    holder, claim, following = [asyncio.create_task(model.work(name, LATER)) for name in ("one", "two", "three")]
    await asyncio.sleep(0.5)
    both = (claim, holder) if cancelled_first == "the claim" else (holder, claim)
    for task in both:
        task.cancel()
    await asyncio.wait((following,), timeout=60)
    assert model.served == ["three"]
    assert model.queue.idle
    assert claim.cancelled()
    assert holder.cancelled()


async def test_a_granted_claim_that_is_cancelled_before_it_runs_passes_the_turn_on():
    """A claim whose turn has come and whose task has not noticed yet gives the turn to the next one."""
    queue = FairQueue()
    had: list[str] = []

    async def claim(name: str) -> None:
        async with queue.turn(LATER):
            had.append(name)

    async with queue.turn(LATER):
        first, second = asyncio.create_task(claim("first")), asyncio.create_task(claim("second"))
        await asyncio.sleep(0.1)
    first.cancel()
    await asyncio.wait((first, second), timeout=60)
    assert had == ["second"]
    assert queue.idle


async def test_an_error_in_the_block_frees_the_turn():
    """What goes wrong in one turn does not stop the others."""
    queue = FairQueue()
    with pytest.raises(ZeroDivisionError):
        async with queue.turn(SOON):
            raise ZeroDivisionError
    assert queue.idle
