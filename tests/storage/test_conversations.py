"""Conversations in the database, on SQLite and on PostgreSQL alike."""

from __future__ import annotations

import pytest

from backend.characters import Character
from backend.errors import StorageError, TakenOver
from backend.events import Outcome
from backend.lines import CallLine, NoteLine, PersonLine, ReplyLine, ResultLine
from backend.storage.conversations import (
    Changes,
    ConversationStore,
    ReplyAudio,
    StoredLine,
    StoredTurn,
    token_hash,
)
from backend.storage.line_documents import document_of, line_of

NORA = Character("nora", "Nora")


class Clock:
    """Unix time that goes on by a second with every question."""

    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        self.at += 1
        return self.at


@pytest.fixture
def store(database):
    """A store over an empty database."""
    return ConversationStore(database, Clock())


def line(id, position, text="Hello.", turn=1) -> StoredLine:
    return StoredLine(id, position, turn, 5.0, {"kind": "note", "text": text})


def turn(number, text="Hello.") -> StoredTurn:
    return StoredTurn(number, 5.0, 6.0, {"source": "text", "text": text, "outcome": "completed", "ledger": []})


async def test_a_conversation_reads_as_it_was_written(store):
    """Lines come in their order and turns in theirs, with all they hold."""
    lines, turns = [line("b", 1, "Second.\0", turn=2), line("a", -3, "First: “é”, 字, 🙂.")], [turn(2), turn(1)]
    await store.write(Changes("c", {"user_name": "Ann"}, lines=lines, turns=turns, summary={"text": "s", "to": "a"}))
    read = await store.read("c")
    assert (read.lines, read.turns) == ([lines[1], lines[0]], [turns[1], turns[0]])
    assert (read.settings, read.summary) == ({"user_name": "Ann"}, {"text": "s", "to": "a"})
    assert read.created_at == read.updated_at == 1001.0


async def test_of_lines_in_one_place_the_newer_comes_later(store):
    """What was put in by hand before all that memory still has comes after what memory has forgotten."""
    older, newer = StoredLine("b", 7, None, 5.0, {}), StoredLine("a", 7, None, 6.0, {})
    await store.write(Changes("c", {}, lines=[newer, older]))
    assert (await store.read("c")).lines == [older, newer]


async def test_of_a_long_conversation_the_newest_can_be_read(store):
    """Whoever goes on with it needs no more, and in their order."""
    lines = [line(str(place), place, turn=1 + place // 2) for place in range(500)]
    turns = [turn(number) for number in range(1, 251)]
    await store.write(Changes("c", {}, lines=lines, turns=turns))
    read = await store.read("c", newest=2)
    assert (read.lines, read.turns) == (lines[-2:], turns[-2:])
    read = await store.read("c")
    assert (read.lines, read.turns) == (lines, turns)


async def test_further_changes_are_added(store):
    """What is written again takes the place of what was there, what is removed goes, and with it a turn of which no
    line is left; the rest stays."""
    lines = [line("a", 0), line("b", 1), line("c", 2, turn=2)]
    await store.write(Changes("c", {}, lines=lines, turns=[turn(1), turn(2)]))
    corrected = line("b", 1, "Corrected.", turn=3)
    await store.write(Changes("c", {"user_name": "Ben"}, lines=[corrected], removed_lines={"c", "unknown"}))
    read = await store.read("c")
    assert read.lines == [line("a", 0), line("b", 1, "Corrected.", turn=3)]
    assert read.turns == [turn(1)]
    assert read.settings == {"user_name": "Ben"}
    assert (read.created_at, read.updated_at) == (1001.0, 1002.0)


async def test_conversations_do_not_mix(store):
    """The same line id in two conversations is two lines."""
    await store.write(Changes("one", {}, lines=[line("a", 0, "One.")]))
    await store.write(Changes("two", {}, lines=[line("a", 0, "Two.")]))
    assert (await store.read("one")).lines == [line("a", 0, "One.")]
    assert (await store.read("two")).lines == [line("a", 0, "Two.")]


async def test_changes_are_written_whole_or_not_at_all(store):
    """A change the database refuses leaves everything as it was."""
    await store.write(Changes("c", {}, lines=[line("a", 0)]))
    bad = Changes("c", {"user_name": "Eve"}, lines=[line("b", 1), line(None, 2)])
    with pytest.raises(StorageError):
        await store.write(bad)
    read = await store.read("c")
    assert (read.lines, read.settings) == ([line("a", 0)], {})


async def test_the_newest_session_is_found_by_its_token(store):
    """Tokens are kept as hashes, and one that was replaced leads nowhere."""
    await store.write(Changes("c", {}, resume_hash=token_hash("old")))
    await store.take_over("c", "new")
    assert await store.find_by_token("new") == "c"
    assert await store.find_by_token("old") is None


async def test_only_the_session_that_has_a_conversation_writes_to_it(store):
    """Of two servers that take each other for gone, the one that was first cannot spoil what the second writes; what it
    wrote before is what the second one goes on with."""
    first, second = token_hash("first"), token_hash("second")
    await store.write(Changes("c", {}, resume_hash=first, lines=[line("a", 0)]))
    taken = await store.take_over("c", "second")
    assert [kept.id for kept in taken.lines] == ["a"]
    with pytest.raises(TakenOver):
        await store.write(Changes("c", {"user_name": "late"}, resume_hash=first, begins=False, lines=[line("late", 1)]))
    await store.write(Changes("c", {}, resume_hash=second, begins=False, lines=[line("b", 1)]))
    kept = await store.read("c")
    assert ([found.id for found in kept.lines], kept.settings) == (["a", "b"], {})


async def test_what_is_not_there_cannot_be_taken_over(store):
    """Nor is it there afterwards."""
    assert await store.take_over("c", "mine") is None
    assert await store.take_over("\0", "mine") is None
    assert await store.read("c") is None


async def test_a_conversation_that_was_deleted_stays_so(store):
    """Who still talks in it, on whichever server, does not bring back what somebody wanted forgotten."""
    await store.write(Changes("c", {}, resume_hash="mine", lines=[line("a", 0)]))
    await store.delete("c")
    with pytest.raises(TakenOver):
        await store.write(Changes("c", {}, resume_hash="mine", begins=False, lines=[line("b", 1)]))
    assert await store.read("c") is None


async def test_the_list_shows_the_newest_first(store):
    """With how it began and how long it has become; and the rest of a long list can be asked for."""
    for id in ("a", "b", "c"):
        turns, lines = [turn(2, "later"), turn(1, f"{id} begins")], [line("a", 0), line("b", 1, turn=2)]
        await store.write(Changes(id, {"user_name": id}, turns=turns, lines=lines))
    await store.write(Changes("a", {"user_name": "a"}))
    heads = await store.heads()
    assert [(head.id, head.opening, head.turns) for head in heads] == [
        ("a", "a begins", 2),
        ("c", "c begins", 2),
        ("b", "b begins", 2),
    ]
    assert [head.id for head in await store.heads(before=heads[0].updated_at, limit=1)] == ["c"]


async def test_deleting_takes_everything_along(store):
    """Nothing of a deleted conversation is left in any table."""
    audio = [ReplyAudio("a", 24000, b"fLaC")]
    await store.write(Changes("c", {}, lines=[line("a", 0)], turns=[turn(1)], audio=audio))
    assert await store.audible("c") == {"a"}
    assert await store.audio("c", "a") == audio[0]
    assert await store.audio("c", "b") is None
    assert await store.delete("c")
    assert not await store.delete("c")
    assert await store.read("c") is None
    await store.write(Changes("c", {}))
    read = await store.read("c")
    assert (read.lines, read.turns, await store.audible("c")) == ([], [], set())


async def test_an_id_that_no_conversation_can_have(store):
    """What a client may ask for and a database refuses is not there, and no failure of the database."""
    assert await store.read("c\0") is None
    assert not await store.delete("c\0")


@pytest.mark.parametrize(
    "said",
    [
        PersonLine("Hello.", ("nora",), "msg_1", spoken=True),
        NoteLine("Be brief.", "msg_2"),
        ReplyLine(NORA, "msg_3", "Hello there.", "Hello", Outcome.INTERRUPTED),
        CallLine(NORA, "call_1", "look", '{"at": "sea"}', "fc_1"),
        ResultLine("call_1", "waves", "fco_1"),
    ],
)
def test_a_line_comes_back_as_it_was(said):
    """Every kind of line survives being kept, and a character that is gone is still known by name."""
    assert line_of(said.id, document_of(said), {"nora": NORA}) == said
    assert line_of(said.id, document_of(said), {}) == said
