"""What is kept of the voices that clients add, and what happens at the bounds."""

from __future__ import annotations

import pytest

from backend.engines.interfaces import Recording
from backend.errors import LibraryFull
from backend.voice_library import LibraryVoice, VoiceLibrary, content_id


def voice(name: str, size: int = 0) -> LibraryVoice:
    recording = Recording(bytes(size)) if size else None
    return LibraryVoice(content_id(name.encode()), name, 0, recording)


async def test_voices_are_bounded_in_number():
    """One too many is refused and changes nothing; one that is known takes no more room."""
    library = VoiceLibrary(max_voices=2)
    kept = [voice("a"), voice("b")]
    for each in kept:
        await library.add(each)
    with pytest.raises(LibraryFull, match="at most 2"):
        await library.add(voice("c"))
    await library.add(kept[0])
    assert list(await library.all()) == kept


async def test_recordings_are_bounded_in_bytes():
    """Their sizes count together; a voice that is added again counts once, and a deleted one no more."""
    library = VoiceLibrary(max_bytes=3 << 20)
    await library.add(voice("a", 2 << 20))
    with pytest.raises(LibraryFull, match="3 MB"):
        await library.add(voice("b", 2 << 20))
    await library.add(voice("a", 3 << 20))
    assert await library.delete(content_id(b"a"))
    assert not await library.delete(content_id(b"a"))
    await library.add(voice("b", 2 << 20))
    assert await library.find(content_id(b"a")) is None
