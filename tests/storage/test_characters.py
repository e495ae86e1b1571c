"""The stored cast, on SQLite and on PostgreSQL alike."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import replace

import pytest
from sqlalchemy import text

from backend.cast import default_cast
from backend.character_document import CharacterFields
from backend.engines.tasks import stop
from backend.errors import Conflict
from backend.roster import Roster
from backend.storage import database as database_module
from backend.storage.characters import Brought, StoredCast, StoredCharacter
from backend.storage.database import Database

ADA, BOB, EVE = (StoredCharacter(id, {"id": id, "deep": {"x": [1, "é"]}}, 1.5, 2.5) for id in ("ada", "bob", "eve"))


def bringing(*characters):
    """An edit that puts these at the end."""
    return lambda cast: [*cast, *characters]


def ids(cast):
    return [stored.id for stored in cast]


class Watched(Roster):
    """Notes when a certain character has come."""

    def __init__(self, stored):
        super().__init__(stored)
        self.knows_zoe = asyncio.Event()

    def _know(self, cast):
        super()._know(cast)
        if "zoe" in self.members:
            self.knows_zoe.set()


@pytest.fixture
def stored(database):
    """An empty cast."""
    return StoredCast(database)


async def test_what_was_put_in_is_there_in_order_after_a_restart(address):
    """Documents, times, places and what was brought outlast the server."""
    async with Database(address) as database:
        await StoredCast(database).change(bringing(ADA), Brought({"data": {"creator": "me"}}, b"PNG"))
        await StoredCast(database).change(lambda cast: [BOB, *cast, EVE])
    async with Database(address) as database:
        stored = StoredCast(database)
        cast = await stored.change(list)
        assert ids(cast) == ["bob", "ada", "eve"]
        assert [one.position for one in cast] == [0, 1, 2]
        assert (cast[1].document, cast[1].created_at, cast[1].updated_at) == (ADA.document, 1.5, 2.5)
        assert [one.has_portrait for one in cast] == [False, True, False]
        assert (await stored.card("ada"), await stored.portrait("ada")) == ({"data": {"creator": "me"}}, b"PNG")
        assert (await stored.card("bob"), await stored.portrait("nobody")) == (None, None)


async def test_a_change_leaves_alone_what_it_does_not_name(stored):
    """A character that is changed or moved keeps its card and its portrait; one that is left out is gone."""
    await stored.change(bringing(ADA), Brought({"a": 1}, b"PNG"))
    await stored.change(bringing(BOB))
    changed = {"id": "ada", "name": "Countess"}
    await stored.change(lambda cast: [cast[1], replace(cast[0], document=changed, updated_at=9.0)])
    cast = await stored.change(list)
    assert (ids(cast), cast[1].document, cast[1].updated_at) == (["bob", "ada"], changed, 9.0)
    assert (await stored.card("ada"), await stored.portrait("ada")) == ({"a": 1}, b"PNG")
    await stored.change(lambda cast: cast[:1])
    assert (ids(await stored.change(list)), await stored.card("ada")) == (["bob"], None)


async def test_a_change_that_cannot_be_changes_nothing(stored):
    """What an edit raises is raised, and the cast is as it was."""
    await stored.change(bringing(ADA))

    def edit(cast):
        cast.clear()
        raise Conflict("no")

    with pytest.raises(Conflict):
        await stored.change(edit)
    assert ids(await stored.change(list)) == ["ada"]


async def test_changes_at_once_come_one_after_another(stored):
    """No change is made of a cast that is no longer so: none of twenty is lost."""
    await asyncio.gather(*(stored.change(bringing(replace(ADA, id=str(number)))) for number in range(20)))
    assert len(await stored.change(list)) == 20


async def test_a_portrait_comes_and_goes(stored):
    """A portrait is put in the place of the one before, and taken away."""
    await stored.change(bringing(ADA))
    cast = await stored.set_portrait("ada", b"PNG", 7.0)
    assert (cast[0].has_portrait, cast[0].updated_at, await stored.portrait("ada")) == (True, 7.0, b"PNG")
    cast = await stored.set_portrait("ada", None, 8.0)
    assert (cast[0].has_portrait, await stored.portrait("ada")) == (False, None)


async def test_a_change_reaches_the_other_servers(postgresql_address):
    """Replicas that share a database have the same cast, without being started again."""
    async with Database(postgresql_address) as here, Database(postgresql_address) as there:
        changed, follower = StoredCast(here), StoredCast(there)
        async with aclosing(follower.changes()) as changes:
            assert ids(await anext(changes)) == []
            await changed.change(bringing(ADA))
            assert ids(await anext(changes)) == ["ada"]
            await changed.set_portrait("ada", b"PNG", 3.5)
            assert (await anext(changes))[0].has_portrait


async def test_what_was_missed_while_the_connection_was_lost_is_seen_after(postgresql_address, monkeypatch):
    """A database server that is started again does not leave a server with an old cast for ever."""
    monkeypatch.setattr(database_module, "LISTENS_AGAIN_AFTER_S", 0.01)
    async with (
        Database(postgresql_address) as here,
        Database(postgresql_address) as there,
        aclosing(StoredCast(there).changes()) as changes,
    ):
        assert ids(await anext(changes)) == []
        async with here.transaction() as connection:
            others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN %'"
            await connection.execute(text(others))
        await StoredCast(here).change(bringing(ADA))
        async for cast in changes:
            if ids(cast) == ["ada"]:
                break


async def test_a_roster_follows_what_others_change(postgresql_address):
    """Who is added on one server is in the scene of the next session on another."""
    async with Database(postgresql_address) as here, Database(postgresql_address) as there:
        one, two = Roster(StoredCast(here)), Watched(StoredCast(there))
        await one.open((), default_cast())
        await two.open((), default_cast())
        following = asyncio.create_task(two.follow())
        await one.add(CharacterFields(name="Zoe"), None, True)
        await two.knows_zoe.wait()
        await stop(following)
        assert [character.id for character in two.cast][-1] == "zoe"
