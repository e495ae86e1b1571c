"""The engine that knows the voices of the library, wherever one is named."""

from __future__ import annotations

from backend.cast import deal_voices
from backend.characters import Character
from backend.engines.interfaces import AS_USUAL, Manner, Recording
from backend.engines.library_voices import LibraryTextToSpeech
from backend.pipelines.tts import Voices
from backend.voice_library import LibraryVoice, VoiceLibrary, content_id
from tests.engines import contract
from tests.scripted import ScriptedTextToSpeech

TEXT = "A sentence that is long enough to be interrupted in its midst."
ADA = LibraryVoice(content_id(b"ada"), "Ada", 0, Recording(b"RIFF", "Ahoy."), scene_prompt="A ship.")


class Noting(ScriptedTextToSpeech):
    """Notes which voices are opened, and how."""

    def __init__(self) -> None:
        super().__init__(first_audio_s=0.0, real_time_factor=0.0)
        self.opened: list[tuple[str, Manner]] = []

    def open_voice(self, voice, manner=AS_USUAL):
        self.opened.append((voice, manner))
        return super().open_voice(voice)


async def with_ada() -> tuple[LibraryTextToSpeech, Noting, VoiceLibrary]:
    library, engine = VoiceLibrary(), Noting()
    await library.add(ADA)
    return LibraryTextToSpeech(engine, library), engine, library


async def test_keeps_the_contract():
    """A voice of the library behaves as every voice must: a stream that is closed leaves nothing open."""
    tts, engine, _ = await with_ada()
    engine.real_time_factor = 0.2
    for check in contract.CHECKS:
        await check(contract.speaking(tts, TEXT, lambda: not engine.counts.live, ADA.id))


async def test_a_character_with_a_voice_of_the_library():
    """A session names it like any other voice, and goes on with it when it is deleted meanwhile."""
    tts, engine, library = await with_ada()
    voices = Voices(tts)
    character = Character("ada", "Ada", ADA.id, "")
    assert await contract.drain(voices.of(character).generator.stream("Hello."))
    await library.delete(ADA.id)
    assert await contract.drain(voices.of(character).generator.stream("Still here."))
    assert engine.opened == [(ADA.id, Manner(recording=ADA.recording, scene_prompt="A ship."))]


async def test_other_voices_are_the_engines():
    """Names that are no ids, and ids that nobody has added, are left to the engine, as is who is dealt which voice."""
    tts, engine, _ = await with_ada()
    manner = Manner(seed=3)
    for name in ("nova", "voice_of_god"):
        assert await contract.drain(tts.open_voice(name, manner).stream("Hello."))
    assert engine.opened == [("nova", manner), ("voice_of_god", manner)]
    assert deal_voices([Character("a", "A", "", "")], tts.voices)[0].voice == "one"
