"""When a person who speaks while a character does cuts it off, and how that is taken back. All on virtual time."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from backend import commands, events
from backend.barge_in import CUT_MS, HOLD_MS, THINKING_MS, BargeIn, CastState, Step
from backend.events import Outcome
from backend.turn import Turn
from tests.scripted import ScriptedLanguageModel, ScriptedSpeechToText
from tests.sessions import CAST, MARA, open_session
from tests.test_speculation import microphone

pytestmark = pytest.mark.virtual_time

LONG = " ".join(f"This is sentence number {n} of a very long story about the sea." for n in range(40))
SPOKEN = "The sea was quiet that morning."


def steps(barge_in: BargeIn, *happened: int | str, cast: CastState = CastState.SPEAKING) -> list[Step]:
    """What is decided when speech starts, lasts so many milliseconds, and is understood as these words; words that end
    with a full stop come in a pause."""
    decided = [barge_in.started(cast)]
    for what in happened:
        if isinstance(what, int):
            decided.append(barge_in.voiced(what, cast))
        elif what.endswith("."):
            decided.append(barge_in.paused(what.rstrip("."), SPOKEN))
        else:
            barge_in.words(what, SPOKEN)
    return [step for step in decided if step is not None]


def test_quiet_then_still_then_gone():
    """A person who goes on is given way to in steps: softer at once, silent soon, cut when it is no backchannel."""
    assert steps(BargeIn(True), 128, HOLD_MS, 400, "wait I", CUT_MS) == [Step.DUCK, Step.HOLD, Step.CUT]


def test_a_short_word_cuts_in_when_it_is_over():
    """ "Stop" need not be drawn out."""
    assert steps(BargeIn(True), HOLD_MS, 320, "stop.") == [Step.DUCK, Step.HOLD, Step.CUT]


def test_a_recogniser_that_is_often_wrong_does_not_cut_with_a_word_or_two():
    """A stand-in hears "mhm" as "I'm close"; only what is longer, or taken for a request, cuts in."""
    assert steps(BargeIn(True, trusts_words=False), HOLD_MS, "I'm close.") == [Step.DUCK, Step.HOLD, Step.RESUME]
    assert steps(BargeIn(True, trusts_words=True), HOLD_MS, "I'm close.") == [Step.DUCK, Step.HOLD, Step.CUT]
    thinking = steps(BargeIn(True, trusts_words=False), HOLD_MS, "with sugar.", cast=CastState.THINKING)
    assert thinking == [Step.CUT]
    assert steps(BargeIn(True, trusts_words=False), HOLD_MS, "stop it.") == [Step.DUCK, Step.HOLD, Step.CUT]
    assert steps(BargeIn(True, trusts_words=False), HOLD_MS, "I am", CUT_MS) == [Step.DUCK, Step.HOLD, Step.CUT]


def test_a_listener_is_not_an_interrupter():
    """ "Mhm" brings the character back, however long it is drawn out and whatever it was first taken for."""
    assert steps(BargeIn(True), HOLD_MS, "the", "mhm", 1500, "mhm.") == [Step.DUCK, Step.HOLD, Step.RESUME]


def test_a_listener_who_goes_on_is_one():
    """ "Yeah, but why?" begins like a backchannel and is none."""
    assert steps(BargeIn(True), HOLD_MS, "yeah", 720, "yeah but", 736) == [Step.DUCK, Step.HOLD, Step.CUT]
    paused = steps(BargeIn(True), HOLD_MS, "yeah.", 640, "yeah but why.")
    assert paused == [Step.DUCK, Step.HOLD, Step.RESUME, Step.CUT]


def test_the_characters_own_words_do_not_cut():
    """What comes back by the microphone is what is being said."""
    assert steps(BargeIn(True), HOLD_MS, "sea was quiet", 2000, "sea was quiet.") == [Step.DUCK, Step.HOLD, Step.RESUME]


def test_words_nobody_understands_cut_in_time():
    """A person the recogniser cannot understand is listened to all the same; a cough is not."""
    assert steps(BargeIn(True), HOLD_MS, CUT_MS - 32) == [Step.DUCK, Step.HOLD]
    assert steps(BargeIn(True), HOLD_MS, CUT_MS) == [Step.DUCK, Step.HOLD, Step.CUT]
    assert steps(BargeIn(True), HOLD_MS, " .") == [Step.DUCK, Step.HOLD, Step.RESUME]


def test_without_words_on_the_way_duration_decides():
    """With a recogniser that answers only at the end nobody waits for words."""
    assert steps(BargeIn(False), 128, HOLD_MS) == [Step.DUCK, Step.CUT]


def test_while_the_cast_thinks_there_is_time_to_be_sure():
    """Nothing is heard yet, so nothing is silenced; a sound of agreement does not throw the answer away."""
    thinking = CastState.THINKING
    assert steps(BargeIn(True), HOLD_MS, "okay", 800, "okay.", cast=thinking) == []
    assert steps(BargeIn(True), HOLD_MS, "no the other.", cast=thinking) == [Step.CUT]
    assert steps(BargeIn(False), THINKING_MS - 32, cast=thinking) == []
    assert steps(BargeIn(False), THINKING_MS, cast=thinking) == [Step.CUT]


async def speaking(session, listener) -> None:
    """Let the cast speak for a while."""
    await session.receive(commands.Say("Go on."))
    await listener.until(events.AudioFrame, 5)
    await asyncio.sleep(0.5)


async def test_a_backchannel_is_heard_and_nothing_else():
    """ "Mhm" ducks the character and brings it back; it is shown, it is no turn, and the story goes on to its end."""
    stt = ScriptedSpeechToText("Mhm.", partials={500: "mhm"})
    async with open_session(llm=ScriptedLanguageModel("Well. " * 9), stt=stt) as (session, listener, _):
        await speaking(session, listener)
        await microphone(session, 0.3, 1.5)
        assert [event.gain for event in listener.of(events.ReplyDucked)] == [0.3, 0.0]
        assert len(listener.of(events.ReplyUnducked)) == 1
        assert listener.of(events.TranscriptFinal)[0].text == "Mhm."
        assert (await listener.until(events.TurnDone)).outcome is Outcome.COMPLETED
        assert len(listener.of(events.TurnStarted)) == 1


async def test_a_cough_brings_the_character_back():
    """Voice that turns out to hold no words at all is no reason to stop."""
    async with open_session(llm=ScriptedLanguageModel(LONG), stt=ScriptedSpeechToText("", partials={})) as (
        session,
        listener,
        _,
    ):
        await speaking(session, listener)
        await microphone(session, 0.3, 1.5)
        assert [type(event) for event in listener.of(events.ReplyUnducked)] == [events.ReplyUnducked]
        assert not listener.of(events.TurnDone)


async def test_a_true_interruption_is_answered():
    """Words cut the character off before the sentence is over, and are answered when it is."""
    stt = ScriptedSpeechToText("Wait, which sea?", partials={300: "wait"})
    async with open_session(llm=ScriptedLanguageModel(LONG, "The northern one."), stt=stt) as (session, listener, _):
        await speaking(session, listener)
        began = asyncio.get_running_loop().time()
        await microphone(session, 1.0, 1.0)
        assert listener.times(events.ReplyDone)[0] - began == pytest.approx(CUT_MS / 1000, abs=0.05)
        assert listener.of(events.ReplyDone)[0].outcome is Outcome.INTERRUPTED
        await listener.until(events.TurnDone, 2)
        assert listener.of(events.TurnStarted)[1].text == "Wait, which sea?"


async def test_an_echo_is_no_turn():
    """The character's own words, recognised from the microphone, neither cut it off nor are answered."""
    stt = ScriptedSpeechToText("sentence number three of a very long story", partials={300: "sentence number"})
    async with open_session(llm=ScriptedLanguageModel(LONG), stt=stt) as (session, listener, _):
        await speaking(session, listener)
        await microphone(session, 0.6, 1.5)
        assert not listener.of(events.TurnDone)
        assert len(listener.of(events.TurnStarted)) == 1


async def test_a_misheard_echo_cuts_nothing(monkeypatch):
    """What sounds like the character is the character, whatever a recogniser makes of it."""
    monkeypatch.setattr(Turn, "echoes_in", lambda _turn, _microphone: True)
    stt = ScriptedSpeechToText("wait a minute, please stop it now", partials={300: "wait"})
    async with open_session(llm=ScriptedLanguageModel(LONG), stt=stt) as (session, listener, _):
        await speaking(session, listener)
        await microphone(session, 0.6, 0.3, 0.6, 1.5)
        assert not listener.of(events.ReplyDucked)
        assert not listener.of(events.ReplyDone)
        assert len(listener.of(events.TurnStarted)) == 1


async def test_do_not_interrupt_me():
    """A character that is not to be interrupted finishes; what was said meanwhile is answered then, not lost."""
    cast = (replace(MARA, interruptible=False), *CAST[1:])
    stt = ScriptedSpeechToText("Which sea?", "And when?", partials={600: "which"})
    llm = ScriptedLanguageModel("Once upon a time there was a ship. " * 6, "The northern one.")
    async with open_session(llm=llm, stt=stt, cast=cast) as (session, listener, _):
        await speaking(session, listener)
        await microphone(session, 1.0, 1.0, 1.0, 1.0)
        assert not listener.of(events.ReplyDucked)
        done = await listener.until(events.TurnDone, 2)
        assert [turn.outcome for turn in listener.of(events.TurnDone)] == [Outcome.COMPLETED, Outcome.COMPLETED]
        assert done.turn == 2
        assert [turn.text for turn in listener.of(events.TurnStarted)] == ["Go on.", "Which sea? And when?"]


async def test_an_order_to_stop_always_works():
    """The button, and a typed line, cut off even a character that voices do not."""
    cast = (replace(MARA, interruptible=False),)
    async with open_session(llm=ScriptedLanguageModel(LONG), cast=cast) as (session, listener, _):
        await speaking(session, listener)
        await session.receive(commands.Interrupt())
        assert (await listener.until(events.TurnDone)).outcome is Outcome.INTERRUPTED
