"""What is kept of the voices that clients add, what happens at the bounds, and that it lasts."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from backend.errors import LibraryFull
from backend.storage.database import Database
from backend.storage.voices import VoiceLibrary
from backend.voice_library import LibraryVoice, content_id


def voice(name: str, size: int = 0, at: float = 0.0) -> LibraryVoice:
    made = LibraryVoice(content_id(name.encode()), name, at, "clone" if size else "description", f"like {name}")
    return replace(made, recording=bytes(size)) if size else made


WHOLE = LibraryVoice(
    content_id(b"whole"),
    "Ada \u2603",
    1_700_000_000.25,
    "clone",
    description="old",
    preset="narrator",
    language="de",
    scene_prompt="A ship.",
    temperature=0.0,
    top_p=0.25,
    seed=2**63 - 1,
    consent="She agrees.",
    transcript="Ahoi.",
    recording=b"RIFF\0\xff",
)


async def test_a_voice_outlasts_the_server(address):
    """Everything of it is there after a restart, and a second server on the same database knows it at once."""
    async with Database(address) as one:
        await VoiceLibrary(one).add(WHOLE)
        async with Database(address) as other:
            assert await VoiceLibrary(other).find(WHOLE.id) == WHOLE
            await VoiceLibrary(other).add(voice("b", at=2e9))
        assert [known.name for known in await VoiceLibrary(one).all()] == [WHOLE.name, "b"]
    async with Database(address) as again:
        assert await VoiceLibrary(again).find(WHOLE.id) == WHOLE
        assert (await VoiceLibrary(again).all())[0] == replace(WHOLE, recording=None)


async def test_voices_are_bounded_in_number(database):
    """One too many is refused and changes nothing; one that is known takes no more room."""
    library = VoiceLibrary(database, max_voices=2)
    kept = [voice("a", at=1.0), voice("b", at=2.0)]
    for each in kept:
        await library.add(each)
    with pytest.raises(LibraryFull, match="at most 2"):
        await library.add(voice("c"))
    await library.add(kept[0])
    assert list(await library.all()) == kept
    with pytest.raises(LibraryFull):
        await VoiceLibrary(database, max_voices=2).add(voice("c"))


async def test_recordings_are_bounded_in_bytes(database):
    """Their sizes count together; a voice that is added again counts once, and a deleted one no more."""
    library = VoiceLibrary(database, max_bytes=3 << 20)
    await library.add(voice("a", 2 << 20))
    with pytest.raises(LibraryFull, match="3 MB"):
        await library.add(voice("b", 2 << 20))
    await library.add(voice("a", 3 << 20))
    assert await library.delete(content_id(b"a"))
    assert not await library.delete(content_id(b"a"))
    await library.add(voice("b", 2 << 20))
    assert await library.find(content_id(b"a")) is None


async def test_the_bound_holds_for_servers_that_add_at_once(address):
    """Of two servers with one place left between them, one is refused."""
    async with Database(address) as one, Database(address) as other:
        libraries = [VoiceLibrary(one, max_voices=3), VoiceLibrary(other, max_voices=3)]
        adding = [libraries[index % 2].add(voice(str(index))) for index in range(8)]
        answers = await asyncio.gather(*adding, return_exceptions=True)
        assert [type(answer) for answer in answers if answer is not None] == [LibraryFull] * 5
        assert len(await libraries[0].all()) == 3


async def test_a_voice_is_changed_in_its_place(database):
    """What is said of it is new; its id, its recording and its place in the list stay."""
    library = VoiceLibrary(database)
    for each in (WHOLE, voice("b", at=2e9)):
        await library.add(each)
    changed = await library.change(WHOLE.id, lambda found: replace(found, name="Eva", seed=None))
    assert changed == replace(WHOLE, name="Eva", seed=None, recording=None)
    assert await library.find(WHOLE.id) == replace(WHOLE, name="Eva", seed=None)
    assert [known.name for known in await library.all()] == ["Eva", "b"]
    assert await library.change(content_id(b"nobody"), lambda found: found) is None


async def test_a_change_that_is_refused_changes_nothing(database):
    """Whoever changes a voice may find that it cannot be."""
    library = VoiceLibrary(database)
    await library.add(WHOLE)

    def refuse(_voice):
        raise LibraryFull("no")

    with pytest.raises(LibraryFull):
        await library.change(WHOLE.id, refuse)
    assert await library.find(WHOLE.id) == WHOLE


@pytest.mark.parametrize("name", ["", "nova", "voice_\0", "voice_\ud800", "'; drop table voices"])
async def test_names_that_are_no_ids_are_nobodys(database, name):
    """No name that a client makes up is too odd to be looked up."""
    library = VoiceLibrary(database)
    assert await library.find(name) is None
    assert await library.change(name, lambda found: found) is None
    assert not await library.delete(name)
