"""Whatever happens in whatever order, the store has in the end what the conversation has. On virtual time."""

from __future__ import annotations

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from backend import commands
from backend.lines import PersonLine, ReplyLine
from tests.live import living
from tests.scripted import ScriptedLanguageModel
from tests.sessions import LOUD, QUIET
from tests.test_recorder import Ledgers
from tests.virtual_time import VirtualTimeLoop

REPLY = "Well, I think we sail at dawn. The wind is fair."

durations = st.integers(1, 100).map(lambda frames: frames * 0.02)
actions = st.one_of(
    st.just(("say",)),
    st.just(("two",)),
    st.tuples(st.just("utter"), durations),
    st.tuples(st.just("wait"), durations),
    st.tuples(st.just("wait"), st.just(6.0)),
    st.tuples(st.just("heard"), st.integers(0, 60_000)),
    st.tuples(st.just("add"), st.sampled_from([None, None, "root", "mine-1"])),
    st.tuples(st.just("remove"), st.integers(0, 3)),
    st.sampled_from([("interrupt",), ("regenerate",), ("regenerate",), ("clear",)]),
    st.sampled_from([("fail",), ("mend",)]),
    st.sampled_from([("break",), ("goodbye",), ("return",), ("return",)]),
)
scripts = st.lists(actions, min_size=8, max_size=30)


class Person:
    """Does what the script says."""

    def __init__(self, live, client, store) -> None:
        self.live, self.client, self.store = live, client, store
        self.added = 0

    async def do(self, action) -> None:  # noqa: C901, PLR0912
        session = self.live.session
        match action:
            case ("utter", seconds):
                for frame, count in ((LOUD, round(seconds * 50)), (QUIET, 60)):
                    for _ in range(count):
                        await session.receive(commands.Microphone(frame))
                        await asyncio.sleep(0.02)
            case ("wait", seconds):
                await asyncio.sleep(seconds)
            case ("heard", samples):
                for turn, reply in list(self.client.pcm)[-1:]:
                    await session.receive(commands.PlaybackPosition(turn, reply, samples))
            case ("add", after):
                self.added += 1
                await session.receive(commands.AddLine(PersonLine("Put in.", id=f"mine-{self.added}"), after))
            case ("remove", place):
                for line in session.conversation.lines[place : place + 1]:
                    await session.receive(commands.RemoveLine(line.id))
            case ("fail" | "mend",):
                self.store.broken = action[0] == "fail"
            case ("break" | "goodbye",):
                self.live.leave(self.client.attended, goodbye=action[0] == "goodbye")
            case ("return",):
                self.client.attended = await self.live.come_back(self.client.carry)
            case (name,):
                await session.receive(COMMANDS[name])


COMMANDS = {
    "say": commands.Say("And then?"),
    "two": commands.Say("Mara and Theo?"),
    "interrupt": commands.Interrupt(),
    "regenerate": commands.Regenerate(),
    "clear": commands.ClearConversation(),
}


async def lead(script) -> None:
    """A session from beginning to end, and what is kept of it."""
    store = Ledgers(takes_s=0.02)
    async with living(ScriptedLanguageModel(REPLY), store) as (live, client, _):
        person = Person(live, client, store)
        for action in script:
            await person.do(action)
        store.broken = False
    lines = live.session.conversation.lines
    assert all(line.outcome is not None for line in lines if isinstance(line, ReplyLine))
    ordered = sorted(store.lines.values(), key=lambda line: line.position)
    assert [line.id for line in ordered] == [line.id for line in lines]
    assert store.texts == [getattr(line, "heard_text", line.text) for line in lines]
    replies = [line for line in ordered if line.document["kind"] == "reply"]
    assert {line.turn for line in replies} <= set(store.turns) <= {line.turn for line in ordered}
    assert [line.turn for line in replies] == sorted(line.turn for line in replies)
    assert all(turn.document["outcome"] is not None for turn in store.turns.values())


@settings(max_examples=80, deadline=None)
@given(scripts)
def test_the_store_has_what_the_conversation_has(script):
    """Turns, cuts, corrections, lines put in and taken out, a store that fails for a while, a client that comes and
    goes: every line stands in the store in its place, as it was heard, and every turn has ended."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        runner.run(lead(script))
