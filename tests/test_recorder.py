"""What is kept of a conversation, and that keeping it costs the conversation nothing."""

from __future__ import annotations

import asyncio
import json

import pytest

from backend import commands, events, recorder
from backend.conversation import FORGOTTEN_AT_ONCE, MAX_LINES
from backend.errors import StorageError, TakenOver
from backend.lines import PersonLine
from backend.outbox import PATIENCE_S
from tests.live import REPLY, Store, living, turn_over
from tests.scripted import ScriptedLanguageModel

pytestmark = pytest.mark.virtual_time


class Ledgers(Store):
    """Keeps what it is given as a database would: `lines` and `turns` by their keys. `takes_s`: how long a write
    lasts; while `broken`, every write fails."""

    def __init__(self, takes_s: float = 0.0) -> None:
        super().__init__()
        self.takes_s = takes_s
        self.broken = False
        self.lines, self.turns = {}, {}

    async def write(self, changes) -> None:
        await asyncio.sleep(self.takes_s)
        if self.broken:
            raise StorageError("the disk is full")
        json.dumps([changes.settings, [line.document for line in changes.lines]])
        await super().write(changes)
        if changes.cleared:
            self.lines, self.turns = {}, {}
        for id in changes.removed_lines:
            self.lines.pop(id, None)
        self.lines |= {line.id: line for line in changes.lines}
        self.turns |= {turn.number: turn for turn in changes.turns}
        said_in = {line.turn for line in self.lines.values()}
        self.turns = {number: turn for number, turn in self.turns.items() if number in said_in}

    @property
    def texts(self) -> list[str]:
        """The lines in their order."""
        ordered = sorted(self.lines.values(), key=lambda line: line.position)
        return [line.document.get("heard_text", line.document["text"]) for line in ordered]


class TakenAway(Store):
    """Another session has the conversation; `refused` counts the writes that came nevertheless."""

    refused = 0

    async def write(self, changes) -> None:
        self.refused += 1
        raise TakenOver


@pytest.fixture
def no_threads(monkeypatch):
    """Virtual time does not wait for threads."""

    async def at_once(function, *arguments):
        return function(*arguments)

    monkeypatch.setattr(asyncio, "to_thread", at_once)


async def hear_out(client, turn=1) -> None:
    """Play a turn to its end."""
    playing = asyncio.create_task(client.play(turn))
    await client.when(turn_over)
    playing.cancel()
    await asyncio.wait((playing,))


async def test_nothing_is_written_before_the_first_sound():
    """The store has no part in the time to first audio."""
    store = Ledgers()
    async with living(store=store) as (live, client, _):
        await live.session.receive(commands.Say("Go on."))
        await client.until(events.AudioFrame)
        assert not store.written


async def test_a_turn_is_kept_when_its_end_is_told():
    """A server killed right after `turn.done` has the turn."""
    store = Ledgers(takes_s=0.05)
    async with living(store=store) as (live, client, _):
        await live.session.receive(commands.Say("Go on."))
        await hear_out(client)
        assert store.texts == ["Go on.", REPLY]
        assert store.turns[1].document["outcome"] == "completed"


async def test_a_slow_store_holds_up_nothing():
    """The end of a turn is told a moment later at most, and the next answer comes as soon as ever."""
    store = Ledgers(takes_s=60.0)
    llm = ScriptedLanguageModel("First. " * 30, "Second.", first_token_s=0.4)
    async with living(llm, store) as (live, client, _):
        await live.session.receive(commands.Say("Go on."))
        await client.until(events.AudioFrame)
        loop = asyncio.get_running_loop()
        asked_at = loop.time()
        await live.session.receive(commands.Say("Stop, what else?"))
        await client.until(events.TurnDone)
        assert loop.time() - asked_at == pytest.approx(PATIENCE_S)
        await client.when(lambda client: (2, 0) in client.pcm)
        assert loop.time() - asked_at == pytest.approx(0.4 + 2 / 60 + 0.1, abs=0.05)
    # The session's end waits for its last write, but not for ever.
    assert not store.written


async def test_what_could_not_be_written_is_written_later():
    """A database that was away for a while lacks nothing when it is back."""
    store = Ledgers()
    store.broken = True
    async with living(store=store) as (live, client, _):
        await live.session.receive(commands.Say("Go on."))
        await hear_out(client)
        assert not store.written
        store.broken = False
        await asyncio.sleep(10)
        assert store.texts == ["Go on.", REPLY]


async def test_a_bug_in_keeping_ends_the_session():
    """Nobody talks on in the belief that it is kept: what no store should do is a failure of the session."""

    class Buggy(Store):
        async def write(self, changes) -> None:
            raise TypeError("a bug")

    async with living(store=Buggy(), fails=True) as (live, client, _):
        await live.session.receive(commands.Say("Go on."))
        await client.until(events.AudioFrame)
        await live.session.receive(commands.Interrupt())
        await live.over()


async def test_the_end_of_a_session_is_kept():
    """Whoever leaves in the middle of a reply has heard a part of it, and that is what is kept."""
    store = Ledgers()
    async with living(store=store) as (live, client, _):
        await live.session.receive(commands.Say("Go on."))
        playing = asyncio.create_task(client.play(1))
        await asyncio.sleep(2)
        playing.cancel()
        await asyncio.wait((playing,))
        assert store.turns[1].document["outcome"] is None
    said, heard = store.texts
    assert said == "Go on."
    assert REPLY.startswith(heard)
    assert 0 < len(heard) < len(REPLY)
    assert store.turns[1].document["outcome"] == "interrupted"


async def test_what_was_said_is_kept_while_the_answer_is_spoken():
    """A server that dies in the middle of an answer does not take the question with it."""
    store = Ledgers()
    async with living(store=store) as (live, client, _):
        await live.session.receive(commands.Say("Go on."))
        await client.until(events.AudioFrame)
        await asyncio.sleep(0.1)
        assert store.texts[0] == "Go on."
        assert len(store.written) == 1


async def test_nothing_is_kept_of_a_session_whose_conversation_was_taken_over():
    """It ends, and what it would still write stays out of what the other session writes."""
    store = TakenAway()
    async with living(store=store) as (live, client, _):
        await live.session.receive(commands.Say("Go on."))
        await client.until(events.AudioFrame)
        await live.over()
        assert live.taken_over
    assert store.refused == 1


async def test_a_session_ended_twice_is_kept_as_well():
    """Several reasons to end it may come together, and none breaks off the last write."""
    store = Ledgers(takes_s=1.0)
    async with living(store=store) as (live, client, _):
        await live.session.receive(commands.Say("Go on."))
        await client.until(events.AudioFrame)
        live.end()
        await asyncio.sleep(0.5)
        live.end()
    assert store.texts[0] == "Go on."


async def test_lines_put_in_by_hand_stand_where_they_were_put():
    """The order in the store is the order of the conversation, also at its beginning and in its middle."""
    store = Ledgers()
    async with living(store=store) as (live, client, _):
        for text, after in (("b", None), ("d", None), ("c", "line-b"), ("a", "root")):
            await live.session.receive(commands.AddLine(PersonLine(text, id=f"line-{text}"), after))
        await live.session.receive(commands.RemoveLine("line-c"))
        await client.until(events.LineRemoved)
    assert store.texts == ["a", "b", "d"]


async def test_an_answer_given_again_takes_the_place_of_the_first():
    """The store has what the conversation has, and every turn under a number of its own."""
    store = Ledgers()
    llm = ScriptedLanguageModel("One.", "Two.")
    async with living(llm, store) as (live, client, _):
        await live.session.receive(commands.Say("First?"))
        await hear_out(client)
        client.seen.clear()
        await live.session.receive(commands.Say("Second?"))
        await hear_out(client, 2)
        await live.session.receive(commands.Regenerate())
        client.seen.clear()
        await hear_out(client, 3)
    assert store.texts == ["First?", "One.", "Second?", "One."]
    assert list(store.turns) == [1, 3]


async def test_forgetting_during_the_first_write_forgets_it_too():
    """Of what was being written when the person wanted it forgotten, nothing is left."""
    store = Ledgers(takes_s=1.0)
    async with living(store=store) as (live, client, _):
        await live.session.receive(commands.Say("A secret."))
        await client.until(events.AudioFrame)
        await live.session.receive(commands.Interrupt())
        await asyncio.sleep(0.5)
        await live.session.receive(commands.ClearConversation())
        await asyncio.sleep(5)
        assert store.written
    assert not store.lines
    assert not store.turns


async def test_forgetting_what_was_never_kept_keeps_nothing():
    """There is no conversation in the list of which nothing is left."""
    store = Ledgers()
    async with living(store=store) as (live, client, _):
        await live.session.receive(commands.Say("A secret."))
        await client.until(events.ReplyStarted)
        await live.session.receive(commands.ClearConversation())
        await client.until(events.ConversationCleared)
        await asyncio.sleep(5)
    assert not store.turns
    assert not store.written


async def test_a_line_that_is_put_back_is_kept():
    """Taken out and put in again between two writes, it is still there."""
    store = Ledgers(takes_s=1.0)
    async with living(store=store) as (live, _, _):
        for text in "ab":
            await live.session.receive(commands.AddLine(PersonLine(text, id=f"line-{text}")))
        await asyncio.sleep(3)
        await live.session.receive(commands.RemoveLine("line-b"))
        await live.session.receive(commands.AddLine(PersonLine("b", id="line-b")))
        await asyncio.sleep(3)
    assert store.texts == ["a", "b"]


async def test_the_sound_of_what_was_taken_back_is_not_kept(no_threads):
    """What a better answer took the place of is not heard in the store either."""
    store = Ledgers(takes_s=0.5)
    async with living(store=store, keep_audio=True) as (live, client, _):
        await live.session.receive(commands.Say("Go on."))
        playing = asyncio.create_task(client.play(1))
        await asyncio.sleep(2)
        playing.cancel()
        await asyncio.wait((playing,))
        await live.session.receive(commands.Regenerate())
        await asyncio.sleep(3)
        present = {line.id for line in live.session.conversation.lines}
    kept = {sound.line for changes in store.written for sound in changes.audio}
    assert kept
    assert kept <= present


async def test_the_sound_that_waits_for_a_store_is_bounded(monkeypatch, no_threads):
    """A database that stays away costs the oldest sound, and no memory without end."""
    monkeypatch.setattr(recorder, "MAX_UNWRITTEN_SOUNDS", 2)
    store = Ledgers()
    store.broken = True
    async with living(ScriptedLanguageModel("One."), store, keep_audio=True) as (live, client, _):
        for turn in (1, 2, 3):
            client.seen.clear()
            await live.session.receive(commands.Say("Go on."))
            await hear_out(client, turn)
        store.broken = False
        await asyncio.sleep(10)
    replies = [line.id for line in live.session.conversation.lines[1::2]]
    assert [sound.line for changes in store.written for sound in changes.audio] == replies[1:]
    assert len(store.turns) == 3


async def test_what_comes_after_all_that_memory_has_stands_at_the_end():
    """Lines that memory has forgotten for their age are before it, also when all that memory had was taken out."""
    store = Ledgers()
    async with living(store=store) as (live, _, _):
        for number in range(MAX_LINES + 1):
            await live.session.receive(commands.AddLine(PersonLine(str(number), id=f"line-{number}")))
            await asyncio.sleep(0.01)
        for number in range(FORGOTTEN_AT_ONCE, MAX_LINES + 1):
            await live.session.receive(commands.RemoveLine(f"line-{number}"))
        await asyncio.sleep(1)
        await live.session.receive(commands.AddLine(PersonLine("last")))
        await asyncio.sleep(1)
    assert store.texts == [*map(str, range(FORGOTTEN_AT_ONCE)), "last"]
