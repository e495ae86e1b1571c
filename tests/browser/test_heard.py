"""What the page says was heard, and what the server remembers as heard, are the same."""

from __future__ import annotations

import asyncio
import random

import pytest

from tests.browser.engines import scripted

pytestmark = pytest.mark.asyncio(loop_scope="package")

REPLIES = (
    "The harbour is quiet tonight. The tide turns at four in the morning, and then the boats go out again. You could "
    "watch them from the wall, if you are up early; bring a coat.",
    "Well, nobody knows for certain! Some say that it was the wind, others that somebody had cut the rope. I have seen "
    "the rope, and I would rather not say what I think.",
    "Two cups of flour, a pinch of salt: that is all. Stir it slowly, and do not walk away while it is on the stove. "
    "Ten minutes, not more, or you may begin again.",
)
CHARACTER_S = 0.02
VISITORS = 5
INTERRUPTS = 10


@pytest.mark.parametrize("seed", [7])
async def test_the_page_shows_what_the_server_holds_for_heard(serve, visit, seed):
    """In 50 interrupts at random moments, what is not struck of a reply is the server's `heard_text` of it."""
    address = await serve(scripted(*REPLIES, character_s=CHARACTER_S))
    visitors = [await visit(address) for _ in range(VISITORS)]
    chances = [random.Random(seed * VISITORS + number) for number in range(VISITORS)]
    found = await asyncio.gather(*map(interrupts, visitors, chances))
    pairs = [pair for each in found for pair in each]
    assert len(pairs) == VISITORS * INTERRUPTS
    assert [(shown, heard) for shown, heard in pairs if shown != heard] == []
    assert len({heard for _, heard in pairs}) > INTERRUPTS


async def interrupts(visitor, chance: random.Random) -> list[tuple[str, str]]:
    """What the page shows as heard and what the server says, of every interrupted reply."""
    pairs = []
    while len(pairs) < INTERRUPTS:
        told = len(visitor.wire.of("turn.done"))
        before = await visitor.loudspeaker.audible_samples()
        await visitor.say("Go on.")
        await visitor.loudspeaker.has_sounded(chance.uniform(0, 1.2), before)
        await visitor.page.keyboard.press("Escape")
        await visitor.wire.until("turn.done", told + 1)
        done = visitor.wire.of("reply.done")[-1]
        if done["outcome"] == "interrupted":
            pairs.append((await visitor.newest_heard(), done["heard_text"]))
        await visitor.loudspeaker.is_silent(0.1)
    return pairs
