"""Answers begun on a guess: seen when the guess was right, and never otherwise. All on virtual time."""

from __future__ import annotations

import asyncio

import pytest

from backend import commands, events
from backend.events import Outcome
from tests.scripted import ScriptedLanguageModel, ScriptedSpeechToText, ScriptedTextToSpeech
from tests.sessions import LOUD, QUIET, Figures, open_session

pytestmark = pytest.mark.virtual_time

QUESTION = "What is the plan for tomorrow?"
IN_A_TURN = (events.TurnStarted, events.ReplyStarted, events.ReplyText, events.AudioFrame, events.TurnDone)


async def microphone(session, *stretches: float) -> None:
    """Loud and quiet stretches in turn, in seconds, sent in real time."""
    for index, seconds in enumerate(stretches):
        for _ in range(round(seconds * 50)):
            await session.receive(commands.Microphone(QUIET if index % 2 else LOUD))
            await asyncio.sleep(0.02)


async def configured(session, listener, **turn) -> None:
    await session.receive(commands.Configure(**turn))
    await listener.until(events.SessionReady, 2)


async def test_work_done_ahead_shortens_the_wait_and_is_accounted_for():
    """Recognition and answer begin in the silence; the ledger still sums exactly and says what was saved."""
    figures = Figures()
    async with open_session(stt=ScriptedSpeechToText(QUESTION), figures=figures) as (session, listener, _):
        await configured(session, listener, silence_ms=700)
        await microphone(session, 1.0, 1.0)
        entry = (await listener.until(events.TurnDone)).ledger[0]
        assert figures.speculations == [("kept", 1)]
        # Recogniser 0.1, first token 0.2, two more, first audio 0.1: all of it in the silence.
        assert entry.ttfa_s == pytest.approx(entry.marks["turn_decided"], abs=0.03)
        assert entry.saved_by_speculation == pytest.approx(0.1 + 0.2 + 2 / 60 + 0.1, abs=0.02)
        assert sum(entry.stages().values()) == entry.ttfa_s


async def test_nothing_is_seen_before_it_is_certain():
    """Until the turn is decided no event and no sound of the answer leaves; then they come in the usual order."""
    llm = ScriptedLanguageModel("Well. We sail at dawn.")
    async with open_session(llm=llm, stt=ScriptedSpeechToText(QUESTION)) as (session, listener, engines):
        await configured(session, listener, silence_ms=1500)
        await microphone(session, 1.0, 1.4)
        assert llm.counts.opened == 1
        assert engines.tts.spoken
        assert not any(listener.of(kind) for kind in IN_A_TURN)
        await microphone(session, 0, 0.3)
        await listener.until(events.TurnDone)
        firsts = [listener.times(kind)[0] for kind in (events.TranscriptFinal, *IN_A_TURN)]
        assert firsts == sorted(firsts)


async def test_a_wrong_guess_leaves_nothing_behind():
    """A person who goes on is answered once, to all that was said; the first answer is in no event and no memory."""
    figures, llm = Figures(), ScriptedLanguageModel("At dawn.", "By ship.", "Quite so.")
    stt = ScriptedSpeechToText((QUESTION, QUESTION + " And how do we travel?"), "Really?")
    async with open_session(llm=llm, stt=stt, figures=figures) as (session, listener, engines):
        await configured(session, listener, silence_ms=600)
        await microphone(session, 1.0, 0.5, 1.0, 0.8)
        await listener.until(events.TurnDone)
        assert figures.speculations == [("dropped", 1), ("kept", 1)]
        assert [event.text for event in listener.of(events.TurnStarted)] == [QUESTION + " And how do we travel?"]
        assert "".join(event.delta for event in listener.of(events.ReplyText)) == "By ship."
        assert listener.of(events.TurnDone)[0].turn == 1
        assert llm.counts.live == engines.tts.counts.live == 0
        await microphone(session, 1.0, 0.8)
        await listener.until(events.TurnDone, 2)
        assert [message["content"] for message in llm.requests[-1][1:]] == [
            f"User: {QUESTION} And how do we travel?",
            "By ship.",
            "User: Really?",
        ]


async def test_with_every_second_guess_wrong_nothing_of_the_wrong_ones_is_left():
    """A person who pauses in the middle of every sentence costs language model calls, which are counted, and nothing
    else: no event, no line, no stream."""
    asked = [f"What is the plan for day {n}?" for n in ("one", "two", "three", "four", "five", "six", "seven")]
    said = [f"{question} And how do we travel?" for question in asked]
    figures, llm = Figures(), ScriptedLanguageModel("We sail. At dawn.")
    stt = ScriptedSpeechToText(*zip(asked, said, strict=True))
    async with open_session(llm=llm, stt=stt, figures=figures) as (session, listener, engines):
        await configured(session, listener, silence_ms=600)
        for turn in range(1, len(said) + 1):
            await microphone(session, 1.0, 0.5, 1.0, 0.8)
            await listener.until(events.TurnDone, turn)
        assert figures.speculations == [("dropped", 1), ("kept", 1)] * len(said)
        assert [event.text for event in listener.of(events.TurnStarted)] == said
        assert [event.turn for event in listener.of(events.TurnDone)] == list(range(1, len(said) + 1))
        assert "".join(event.delta for event in listener.of(events.ReplyText)) == "We sail. At dawn." * len(said)
        assert llm.counts.live == engines.tts.counts.live == 0
        heard = [message["content"] for message in llm.requests[-1][1:]]
        assert heard == [line for text in said for line in (f"User: {text}", "We sail. At dawn.")][:-1]


async def test_a_hesitation_does_not_throw_the_answer_away():
    """An "um" after the question changes nothing that matters: the answer begun before it is the answer."""
    figures, llm = Figures(), ScriptedLanguageModel("At dawn.")
    stt = ScriptedSpeechToText((QUESTION, QUESTION + " Um."))
    async with open_session(llm=llm, stt=stt, figures=figures) as (session, listener, _):
        await configured(session, listener, silence_ms=600)
        await microphone(session, 1.0, 0.5, 0.2, 0.8)
        await listener.until(events.TurnDone)
        assert figures.speculations == [("kept", 1)]
        assert listener.of(events.TranscriptFinal)[0].text == QUESTION + " Um."


async def test_half_a_sentence_is_not_answered():
    """The language model is not asked about what must go on."""
    llm = ScriptedLanguageModel("At dawn.")
    stt = ScriptedSpeechToText(("I would like the", "I would like the red one."))
    async with open_session(llm=llm, stt=stt) as (session, listener, _):
        await configured(session, listener, eagerness="medium")
        await microphone(session, 1.0, 0.9, 1.0, 0.8)
        await listener.until(events.TurnDone)
        assert len(llm.requests) == 1
        assert [event.text for event in listener.of(events.TranscriptFinal)] == ["I would like the red one."]


async def test_a_guess_that_fails_is_made_again():
    """An engine that fails while nobody waits for it yet is asked once more when somebody does."""
    llm = ScriptedLanguageModel("At dawn.")
    llm.fail_after = 0
    async with open_session(llm=llm, stt=ScriptedSpeechToText(QUESTION)) as (session, listener, _):
        await configured(session, listener, silence_ms=1000)
        await microphone(session, 1.0, 0.8)
        assert llm.counts.closed == 1
        llm.fail_after = None
        await microphone(session, 0, 0.5)
        assert (await listener.until(events.TurnDone)).outcome is Outcome.COMPLETED
        assert not listener.of(events.ErrorRaised)


@pytest.mark.parametrize(
    "command",
    [
        commands.Say("Never mind."),
        commands.Interrupt(),
        commands.ClearConversation(),
        commands.Configure(user_name="Jo"),
    ],
)
async def test_any_command_that_changes_things_drops_the_guess(command):
    """An answer begun under other circumstances is not given."""
    figures, llm, stt = Figures(), ScriptedLanguageModel("At dawn.", "Fine."), ScriptedSpeechToText(QUESTION)
    async with open_session(llm=llm, stt=stt, figures=figures) as (session, listener, _):
        await configured(session, listener, silence_ms=2000)
        await microphone(session, 1.0, 1.0)
        assert llm.counts.opened == 1
        await session.receive(command)
        await asyncio.sleep(0.01)
        assert figures.speculations == [("dropped", 1)]
        assert llm.counts.live <= isinstance(command, commands.Say)
        assert not listener.of(events.TurnStarted) or isinstance(command, commands.Say)


async def test_a_disconnect_during_a_guess_leaves_no_stream():
    """A client that leaves in the silence leaves nothing running."""
    llm, tts = ScriptedLanguageModel("At dawn. " * 20), ScriptedTextToSpeech()
    async with open_session(llm=llm, tts=tts, stt=ScriptedSpeechToText(QUESTION)) as (session, listener, engines):
        await configured(session, listener, silence_ms=2000)
        await microphone(session, 1.0, 1.0)
        assert llm.counts.opened == 1
    assert llm.counts.live == tts.counts.live == engines.stt.counts.live == 0
