"""What the page says was heard, and what the server remembers as heard, are the same."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, replace

import pytest

from tests.browser.engines import SpeakingTextToSpeech, scripted

pytestmark = pytest.mark.asyncio(loop_scope="package")

REPLIES = (
    "The harbour is quiet tonight. The tide turns at four in the morning, and then the boats go out again. You could "
    "watch them from the wall, if you are up early; bring a coat.",
    "Well, nobody knows for certain! Some say that it was the wind, others that somebody had cut the rope. I have seen "
    "the rope, and I would rather not say what I think.",
    "Two cups of flour, a pinch of salt: that is all. Stir it slowly, and do not walk away while it is on the stove. "
    "Ten minutes, not more, or you may begin again.",
)
CHARACTER_S = 0.03
VISITORS = 2
INTERRUPTS = 25
LATE_AT_MOST = 5
"""Interrupts at which the machine may have kept the page from drawing for more than a word."""

WATCH = """() => {
  const newest = () => document.querySelector("[role=log] article:last-of-type");
  const toMark = () => {
    const mark = newest()?.querySelector("mark");
    if (!mark?.textContent) return null;
    const range = document.createRange();
    range.setStart(mark.closest("p"), 0);
    range.setEndAfter(mark);
    return range.toString();
  };
  const marked = { ends: [], atEscape: null };
  const note = () => {
    const end = toMark()?.length ?? 0;
    if (end && end !== marked.ends.at(-1)) marked.ends.push(end);
  };
  document.addEventListener("keydown", ({ key }) => key === "Escape" && (marked.atEscape = toMark()), true);
  new MutationObserver(note).observe(document.querySelector("[role=log]"), {
    childList: true, characterData: true, subtree: true,
  });
  window.marked = marked;
}"""
"""Notes where in the newest reply the marked word ends each time it changes, and the text up to there when Esc is
pressed; `null` where no word is marked."""


@pytest.mark.parametrize("seed", [7])
async def test_the_page_shows_what_the_server_holds_for_heard(serve, visit, seed):
    """In 50 interrupts at random moments, what is not struck of a reply is the server's `heard_text` of it; the mark on
    the word that sounds has only moved forward, and has stood within a word of the end of that."""
    address = await serve(scripted(*REPLIES, character_s=CHARACTER_S))
    visitors = [await visit(address) for _ in range(VISITORS)]
    chances = [random.Random(seed * VISITORS + number) for number in range(VISITORS)]
    cuts = [cut for each in await asyncio.gather(*map(interrupts, visitors, chances)) for cut in each]
    assert len(cuts) == VISITORS * INTERRUPTS
    assert [cut for cut in cuts if cut.shown != cut.heard] == []
    assert len({cut.heard for cut in cuts}) > 10
    assert [cut for cut in cuts if cut.ends != sorted(cut.ends)] == []
    assert [cut for cut in cuts if cut.words_ahead > 1] == []
    assert len([cut for cut in cuts if cut.words_ahead < -1]) <= LATE_AT_MOST
    assert max(len(cut.ends) for cut in cuts) > 4


async def test_of_a_model_that_speaks_for_itself_too(serve, visit):
    """Nobody tells the page which sound is which word; it shows what the server counts as heard all the same."""
    engines = replace(scripted(), tts=SpeakingTextToSpeech(REPLIES, CHARACTER_S))
    visitor = await visit(await serve(engines))
    cuts = await interrupts(visitor, random.Random(3), 10)
    assert [cut for cut in cuts if cut.shown != cut.heard] == []
    assert len({cut.heard for cut in cuts}) > 4
    assert [cut for cut in cuts if cut.words_ahead > 1] == []
    assert max(len(cut.ends) for cut in cuts) > 2


@dataclass(frozen=True)
class Cut:
    """A reply that was interrupted."""

    shown: str
    """What the page shows as heard."""
    heard: str
    """What the server says was heard."""
    ends: list[int]
    """Where the marked word ended, each time it was another one."""
    to_mark: str | None
    """The text up to the end of the marked word, at the interrupt."""

    @property
    def words_ahead(self) -> int:
        """How many words the mark was ahead of what the server says."""
        return len((self.to_mark or "").split()) - len(self.heard.split())


async def interrupts(visitor, chance: random.Random, count: int = INTERRUPTS) -> list[Cut]:
    """So many replies, each interrupted at some moment."""
    cuts = []
    await visitor.page.evaluate(WATCH)
    while len(cuts) < count:
        await visitor.page.evaluate("marked.ends = []")
        told = len(visitor.wire.of("turn.done"))
        before = await visitor.loudspeaker.audible_samples()
        await visitor.say("Go on.")
        await visitor.loudspeaker.has_sounded(chance.uniform(0, 1.0), before)
        await visitor.page.keyboard.press("Escape")
        await visitor.wire.until("turn.done", told + 1)
        done = visitor.wire.of("reply.done")[-1]
        if done["outcome"] == "interrupted":
            shown = await visitor.newest_heard()
            ends, to_mark = await visitor.page.evaluate("[marked.ends, marked.atEscape]")
            cuts.append(Cut(shown, done["heard_text"], ends, to_mark))
        await visitor.loudspeaker.is_silent(0.1)
    return cuts
