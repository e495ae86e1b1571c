"""The question to the turn model, and the melody where there is none, apart from the pipeline. On virtual time."""

from __future__ import annotations

import asyncio

import pytest

from backend.pipelines.turn_detection import Sound
from backend.pipelines.turn_sound import TurnSound
from tests.pipelines.test_intonation import voice
from tests.scripted import ScriptedTurnModel

pytestmark = pytest.mark.virtual_time

WINDOW = bytes(1024)


def never() -> None:
    raise AssertionError("nothing has become known")


async def test_a_pause_is_asked_about_once_and_the_answer_told():
    """Each window of silence may ask again; the model hears of it once."""
    model, told = ScriptedTurnModel(0.9), []
    sound = TurnSound(model, lambda: told.append(sound.sound))
    async with sound.asking():
        sound.begin([WINDOW] * 3)
        for _ in range(10):
            sound.be_quiet(WINDOW)
            sound.ask()
            await asyncio.sleep(0.032)
    assert told == [Sound.FINISHED]
    assert model.heard == [4]


async def test_speech_takes_the_question_back():
    """What was asked is cancelled at once, and the next pause is not known until it has been asked about."""
    model = ScriptedTurnModel(0.9)
    sound = TurnSound(model, never)
    async with sound.asking():
        sound.ask()
        await asyncio.sleep(0.01)
        sound.speak(WINDOW)
        await asyncio.sleep(0.01)
        assert model.counts.live == 0
        assert sound.sound is Sound.NOT_KNOWN


async def test_an_answer_that_is_there_but_not_yet_taken_is_dropped():
    """Speech in the very moment of the answer wins."""
    model = ScriptedTurnModel(0.9, answer_s=0.0)
    sound = TurnSound(model, never)
    async with sound.asking():
        sound.ask()
        await asyncio.sleep(0)
        sound.speak(WINDOW)
        await asyncio.sleep(0.1)
        assert sound.sound is Sound.NOT_KNOWN


async def test_without_a_model_and_a_melody_nothing_is_judged():
    """A cough, or a hum without pitch, leaves it to the words."""
    sound = TurnSound(None, never)
    async with sound.asking():
        sound.begin([WINDOW])
        sound.speak(WINDOW)
        sound.ask()
        await asyncio.sleep(0.1)
        assert sound.sound is Sound.NOT_JUDGED


async def test_before_and_after_asking_nothing_is_asked():
    """Audio may come while a session is not running yet, or no longer."""
    model = ScriptedTurnModel(0.9)
    sound = TurnSound(model, never)
    sound.ask()
    async with sound.asking():
        pass
    sound.ask()
    assert (model.heard, sound.sound) == ([], Sound.NOT_KNOWN)


async def test_a_fault_of_the_program_is_not_taken_for_one_of_the_model():
    """Only an engine's error leaves it to the words; anything else ends the session."""

    class Faulty(ScriptedTurnModel):
        async def finished(self, pcm):
            raise ZeroDivisionError

    sound = TurnSound(Faulty(), never)
    with pytest.raises(ExceptionGroup) as raised:
        async with sound.asking():
            sound.ask()
            await asyncio.sleep(1)
    assert raised.value.subgroup(ZeroDivisionError)


def pause_after(sound: TurnSound, pcm: bytes) -> Sound:
    """What is made of the quiet after `pcm`."""
    for at in range(0, len(pcm), len(WINDOW)):
        sound.speak(pcm[at : at + len(WINDOW)])
    for _ in range(3):
        sound.be_quiet(WINDOW)
    sound.ask()
    return sound.sound


RISING, FALLING = voice(120, 150, ms=320, quiet_ms=0), voice(150, 120, ms=320, quiet_ms=0)


async def test_without_a_model_the_melody_is_judged():
    """A rise is known in the same window, and forgotten when the person goes on."""
    sound = TurnSound(None, never)
    assert pause_after(sound, RISING) is Sound.RISING
    sound.speak(WINDOW)
    assert sound.sound is Sound.NOT_JUDGED
    assert pause_after(sound, FALLING) is Sound.NOT_JUDGED


async def test_whoever_always_ends_high_is_not_kept_waiting():
    """After two turns that ended on a rise it tells nothing, until one ends otherwise."""
    sound = TurnSound(None, never)
    ends = [RISING, RISING, RISING, RISING, FALLING, RISING]
    judged = []
    for pcm in ends:
        sound.begin(())
        judged.append(pause_after(sound, pcm))
        sound.end()
    rising, nothing = Sound.RISING, Sound.NOT_JUDGED
    assert judged == [rising, rising, nothing, nothing, nothing, rising]
