"""The engine that knows the voices of the library, wherever one is named."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace

import pytest
import pytest_asyncio

from backend.cast import deal_voices
from backend.characters import Character
from backend.engines.interfaces import AS_USUAL, Generation, Manner, Recording, SpeechLanguageModel
from backend.engines.library_voices import LibraryTextToSpeech, with_library
from backend.engines.recital import Recital
from backend.errors import EngineError, StorageError
from backend.pipelines.tts import Voices
from backend.storage.database import Database
from backend.storage.voices import VoiceLibrary
from backend.voice_library import LibraryVoice, content_id
from tests.engines import contract
from tests.scripted import ScriptedTextToSpeech

TEXT = "A sentence that is long enough to be interrupted in its midst."
ADA = LibraryVoice(content_id(b"ada"), "Ada", 0, "clone", scene_prompt="A ship.", transcript="Ahoy.", recording=b"RIFF")
AS_ADA = Manner(recording=Recording(b"RIFF", "Ahoy."), scene_prompt="A ship.")


class Noting(ScriptedTextToSpeech):
    """Notes which voices are opened, and how."""

    clones_voices = True

    def __init__(self) -> None:
        super().__init__(first_audio_s=0.0, real_time_factor=0.0)
        self.opened: list[tuple[str, Manner]] = []

    def open_voice(self, voice, manner=AS_USUAL):
        self.opened.append((voice, manner))
        return super().open_voice(voice)


@pytest_asyncio.fixture
async def library(data_dir):
    """With Ada's voice in it."""
    async with Database(data_dir / "voicechat.db") as database:
        library = VoiceLibrary(database)
        await library.add(ADA)
        yield library


@pytest.fixture
def engine():
    return Noting()


@pytest.fixture
def tts(engine, library):
    return LibraryTextToSpeech(engine, library)


async def test_keeps_the_contract(tts, engine):
    """A voice of the library behaves as every voice must: a stream that is closed leaves nothing open."""
    engine.real_time_factor = 0.2
    for check in contract.CHECKS:
        await check(contract.speaking(tts, TEXT, lambda: not engine.counts.live, ADA.id))


async def test_a_character_with_a_voice_of_the_library(tts, engine, library):
    """A session names it like any other voice, and goes on with it when it is deleted meanwhile."""
    voices = Voices(tts)
    character = Character("ada", "Ada", ADA.id, "")
    assert await contract.drain(voices.of(character).generator.stream("Hello."))
    await library.delete(ADA.id)
    assert await contract.drain(voices.of(character).generator.stream("Still here."))
    assert engine.opened == [(ADA.id, AS_ADA)]


async def test_other_voices_are_the_engines(tts, engine):
    """Names that are no ids, and ids that nobody has added, are left to the engine, as is who is dealt which voice."""
    manner = Manner(seed=3)
    names = ("nova", "voice_of_god", content_id(b"nobody"))
    for name in names:
        assert await contract.drain(tts.open_voice(name, manner).stream("Hello."))
    assert engine.opened == [(name, manner) for name in names]
    assert deal_voices([Character("a", "A", "", "")], tts.voices)[0].voice == "one"


async def test_what_is_asked_comes_before_what_the_voice_has(tts, engine, library):
    """How a voice is drawn is its own, down to a temperature of 0, unless a speech asks for something else."""
    await library.change(ADA.id, lambda ada: replace(ada, temperature=0.0, top_p=0.5, seed=7))
    asked = Manner(seed=0, temperature=0.9)
    for manner in (AS_USUAL, asked):
        await contract.drain(tts.open_voice(ADA.id, manner).stream("Hello."))
    own, mixed = (manner for _, manner in engine.opened)
    assert own == replace(AS_ADA, temperature=0.0, top_p=0.5, seed=7)
    assert mixed == replace(AS_ADA, temperature=0.9, top_p=0.5, seed=0)


async def test_a_preset_is_spoken_with_by_its_own_name(tts, engine, library):
    """An added voice that is a preset is that voice of the engine's, as it was told to speak."""
    narrator = LibraryVoice(content_id(b"n"), "N", 0, "preset", preset="two", scene_prompt="A cave.", seed=9)
    await library.add(narrator)
    await contract.drain(tts.open_voice(narrator.id).stream("Hello."))
    assert engine.opened == [("two", Manner(seed=9, scene_prompt="A cave."))]


@pytest.mark.parametrize(
    "voice",
    [
        ADA,
        LibraryVoice(content_id(b"d"), "D", 0, "description", "an old sailor"),
        LibraryVoice(content_id(b"p"), "P", 0, "preset", preset="narrator"),
    ],
    ids=lambda voice: voice.method,
)
async def test_voices_outlast_the_engine_they_were_added_with(tts, engine, library, voice):
    """An engine that cannot sound like it speaks with one of its own voices instead, and always with the same."""
    engine.clones_voices = False
    await library.add(voice)
    for _ in range(2):
        assert await contract.drain(tts.open_voice(voice.id).stream("Hello."))
    (one, _), (again, _) = engine.opened
    assert one == again
    assert one in engine.voices


async def test_a_database_that_fails_is_a_voice_that_fails(tts, library, monkeypatch):
    """A turn can fail for want of its voice; the session goes on, and the voice is there when the database is."""

    async def fail(_voice_id):
        raise StorageError("gone")

    generator = tts.open_voice(ADA.id)
    with monkeypatch.context() as patch:
        patch.setattr(library, "find", fail)
        with pytest.raises(EngineError, match="gone") as raised:
            await contract.drain(generator.stream("Hello."))
    assert raised.value.stage == "tts"
    assert await contract.drain(generator.stream("Hello."))


async def test_an_interrupt_while_a_voice_is_looked_up(tts, engine):
    """Wherever the database stands when the turn is cancelled, the next turn finds the voice."""
    for steps in range(0, 60, 3):
        speaking = asyncio.create_task(contract.drain(tts.open_voice(ADA.id).stream("Hello.")))
        for _ in range(steps):
            await asyncio.sleep(0)
        speaking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await speaking
    assert await contract.drain(tts.open_voice(ADA.id).stream("Hello."))
    assert not engine.counts.live


class Speaking(Noting):
    """Says what it writes."""

    def open_writer(self, voice, manner=AS_USUAL, remember_as=None):
        self.opened.append((voice, manner))
        return Recital(f"I am {voice}, {remember_as}.")


async def test_a_voice_that_says_what_it_writes(library):
    """It is looked up at its first answer and kept; an engine that only reads out has none that write."""
    engine = Speaking()
    tts = with_library(engine, library)
    assert isinstance(tts, SpeechLanguageModel)
    assert not isinstance(with_library(Noting(), library), SpeechLanguageModel)
    writer = tts.open_writer(ADA.id, remember_as="audio_1")
    said = "".join(await contract.drain(writer.stream([], Generation())))
    assert said == f"I am {ADA.id}, audio_1."
    await library.delete(ADA.id)
    assert await contract.drain(writer.stream([], Generation()))
    assert await contract.drain(tts.open_writer("nova").stream([], Generation()))
    assert engine.opened == [(ADA.id, AS_ADA), ("nova", AS_USUAL)]
    assert await contract.drain(tts.open_voice(ADA.id).stream("Read out."))
