"""The cast as it is now."""

from __future__ import annotations

import asyncio

import pytest

from backend.character_document import CharacterDocument, CharacterFields
from backend.characters import MAX_CAST
from backend.errors import ConfigurationError, Conflict, NotFound, TooLarge
from backend.roster import MAX_CHARACTERS, Roster, id_for
from backend.storage.characters import Brought, StoredCast
from backend.storage.database import Database

DEFAULT = (CharacterDocument(id="nora", name="Nora"), CharacterDocument(id="oscar", name="Oscar"))


class Clock:
    """A time that tests set."""

    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
async def database(data_dir):
    async with Database(data_dir / "voicechat.db") as database:
        yield database


@pytest.fixture
async def roster(database):
    return await opened(database)


async def opened(database, given=(), clock=None):
    """A server starts on this database."""
    roster = Roster(StoredCast(database), clock or Clock())
    await roster.open(given, DEFAULT)
    return roster


def ids(cast):
    return [character.id for character in cast]


async def test_an_empty_cast_is_the_default_one_and_stays_as_it_is_left(database):
    """The first start brings the characters that ship with the server; later ones bring back nobody."""
    first = await opened(database)
    assert ids(first.cast) == ["nora", "oscar"]
    await first.delete("nora")
    assert ids((await opened(database)).cast) == ["oscar"]


async def test_a_file_is_the_truth(database):
    """The characters of a file stand in front and in the place of those with their ids, and alone are enabled; at the
    next start without it they are there still."""
    clock = Clock()
    before = await opened(database, clock=clock)
    await before.replace("oscar", {"description": "old"})
    clock.now = 200.0
    given = (CharacterDocument(id="ada", name="Ada"), CharacterDocument(id="oscar", name="Oskar"))
    roster = await opened(database, given, clock)
    assert (ids(roster.cast), list(roster.members)) == (["ada", "oscar"], ["ada", "oscar", "nora"])
    assert (roster.cast[1].name, roster.cast[1].persona.description) == ("Oskar", "")
    oscar = roster.members["oscar"].stored
    assert (oscar.created_at, oscar.updated_at) == (100.0, 200.0)
    clock.now = 300.0
    again = await opened(database, given, clock)
    assert again.members["oscar"].stored.updated_at == 200.0
    assert ids((await opened(database)).cast) == ["ada", "oscar"]


async def test_a_file_that_there_is_no_room_for_is_said(database):
    """A full cast is not thrown away for a file."""
    roster = await opened(database)
    await fill(roster)
    with pytest.raises(ConfigurationError, match="200"):
        await opened(database, (CharacterDocument(id="ada"),))


async def fill(roster):
    """As many as there can be."""
    many = [CharacterDocument(id=f"c{n}", enabled=False) for n in range(MAX_CHARACTERS - len(roster.members))]
    for document in many:
        await roster.add(document, document.id, False)


async def test_a_new_character_is_last_and_in_the_cast_at_once(roster):
    """It gets an id of its name, one that is free, and is enabled."""
    first = await roster.add(CharacterFields(name="Zoë O'Neil"), None, None, Brought({"data": {}}, b"PNG"))
    second = await roster.add(CharacterFields(name="Zoe O Neil"), None, None)
    assert (first.character.id, second.character.id) == ("zoe-o-neil", "zoe-o-neil-2")
    assert ids(roster.cast) == ["nora", "oscar", "zoe-o-neil", "zoe-o-neil-2"]
    assert roster.characters["zoe-o-neil"].name == "Zoë O'Neil"
    assert (first.stored.has_portrait, second.stored.has_portrait) == (True, False)
    assert (await roster.card("zoe-o-neil"), await roster.card("nora")) == ({"data": {}}, {})
    assert await roster.portrait("zoe-o-neil") == b"PNG"


@pytest.mark.parametrize(
    ("name", "id"),
    [
        ("../../etc/passwd", "etc-passwd"),
        ("..", "character"),
        ("東京", "character"),
        ("", "character"),
        ("A" * 100, "a" * 48),
        ("C:\\Windows\\x.exe", "c-windows-x-exe"),
        ("<script>", "script"),
    ],
)
def test_an_id_is_harmless(name, id):
    """Whatever somebody is called, the id is letters, digits and hyphens."""
    assert id_for(name, set()) == id
    assert id_for(name, {id, f"{id}-2"}) == f"{id}-3"


async def test_a_thirteenth_is_stored_but_not_enabled(roster):
    """A cast has at most twelve: one more waits, and is refused where it was to be enabled."""
    for _ in range(MAX_CAST - len(roster.cast)):
        await roster.add(CharacterFields(), None, None)
    waiting = await roster.add(CharacterFields(name="Ada"), None, None)
    assert (waiting.document.enabled, len(roster.cast)) == (False, MAX_CAST)
    for change in (roster.replace("ada", {"enabled": True}), roster.add(CharacterFields(), None, True)):
        with pytest.raises(Conflict, match="12"):
            await change
    await roster.replace("nora", {"enabled": False})
    await roster.replace("ada", {"enabled": True})
    assert ids(roster.cast)[-1] == "ada"


async def test_somebody_stays(roster):
    """The last enabled character can be neither deleted nor disabled, also when two try at once."""
    await roster.delete("nora")
    for change in (roster.delete("oscar"), roster.replace("oscar", {"enabled": False})):
        with pytest.raises(Conflict, match="last"):
            await change
    await roster.add(CharacterFields(), "ada", None)
    results = await asyncio.gather(roster.delete("oscar"), roster.delete("ada"), return_exceptions=True)
    assert [type(result) for result in results] == [type(None), Conflict]
    assert ids(roster.cast) == ["ada"]


async def test_a_change_is_of_what_is_given(roster):
    """Fields that are not given stay; the id never changes; the time of the change is known."""
    roster._clock.now = 150.0
    member = await roster.replace("nora", {"description": "A navigator.", "id": "other"})
    assert (member.character.id, member.character.name) == ("nora", "Nora")
    assert member.character.persona.description == "A navigator."
    assert (member.stored.created_at, member.stored.updated_at) == (100.0, 150.0)


async def test_the_scene_is_arranged(roster):
    """Those who are named come first, in that order; the others follow."""
    await roster.add(CharacterFields(), "ada", None)
    await roster.arrange(["ada", "oscar", "ada"])
    assert ids(roster.cast) == ["ada", "oscar", "nora"]


@pytest.mark.parametrize("act", ["replace", "delete", "arrange", "member", "set_portrait", "card", "portrait"])
async def test_nobody_is_not_found(roster, act):
    """Whoever is not there is said not to be, and nothing changes."""
    arguments = {"replace": ("x", {}), "arrange": (["nora", "x"],), "set_portrait": ("x", b"PNG")}.get(act, ("x",))
    with pytest.raises(NotFound, match="'x'"):
        result = getattr(roster, act)(*arguments)
        await result
    assert ids(roster.cast) == ["nora", "oscar"]


async def test_there_is_an_end(roster):
    """Neither more characters than are kept, nor one larger than all can be, nor one twice."""
    with pytest.raises(Conflict, match="already"):
        await roster.add(CharacterFields(), "nora", None)
    with pytest.raises(TooLarge, match="512 kB"):
        await roster.add(CharacterFields(alternate_greetings=["x" * 50_000] * 11), None, None)
    await fill(roster)
    with pytest.raises(Conflict, match="200"):
        await roster.add(CharacterFields(), None, None)
