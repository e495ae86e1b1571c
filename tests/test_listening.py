"""What the person says when something else was asked for: wishes wait for it, it is only noted, or forgotten. All on
virtual time."""

from __future__ import annotations

import asyncio

import pytest

from backend import commands, events
from backend.errors import EngineError
from backend.events import Outcome
from backend.lines import PersonLine
from tests.scripted import ScriptedLanguageModel, ScriptedSpeechToText
from tests.sessions import LOUD, MARA, Figures, open_session
from tests.test_respond import LONG, prompt
from tests.test_speculation import QUESTION, configured, microphone

pytestmark = pytest.mark.virtual_time


async def committed(session, listener) -> None:
    """The person held the button, spoke, and let go."""
    await configured(session, listener, mode="push_to_talk", answers=False)
    await microphone(session, 1.0)
    await session.receive(commands.Commit())


async def test_a_wish_waits_until_what_was_said_is_understood():
    """An answer asked for right after the commit answers what was committed, lines put in stand after it."""
    llm = ScriptedLanguageModel("At dawn.")
    stt = ScriptedSpeechToText(QUESTION, final_s=2.0)
    async with open_session(llm=llm, stt=stt, cast=(MARA,)) as (session, listener, _):
        await committed(session, listener)
        await session.receive(commands.AddLine(PersonLine("And how?")))
        await session.receive(commands.Respond("r"))
        await listener.until(events.TurnDone)
        assert prompt(llm) == [("user", f"{QUESTION}\nAnd how?")]
        assert listener.times(events.TranscriptFinal)[0] <= listener.times(events.LineAdded)[0]
        spoken = listener.of(events.TranscriptFinal)[0].line
        assert listener.of(events.LineAdded)[0].after == spoken


async def test_a_wish_does_not_overtake_what_is_understood_while_the_session_is_busy():
    """The transcript may come when the wish is in the mailbox already and the session is held up by a slow client."""
    llm = ScriptedLanguageModel("At dawn.")
    stt = ScriptedSpeechToText(QUESTION, final_s=0.5)
    async with open_session(llm=llm, stt=stt, cast=(MARA,)) as (session, listener, _):
        await committed(session, listener)
        emit, held = listener.emit, asyncio.Event()

        async def slowly(event) -> None:
            await held.wait()
            await asyncio.sleep(0.01)
            await emit(event)

        session._emit_all = slowly
        await session.receive(commands.Ping(1))
        await session.receive(commands.Respond("r"))
        await asyncio.sleep(5.0)
        held.set()
        await listener.until(events.TurnDone)
        assert prompt(llm) == [("user", QUESTION)]


async def test_a_wish_does_not_wait_for_ever():
    """An utterance that cannot be understood is understood to be nothing."""

    class Broken(ScriptedSpeechToText):
        async def stream(self, audio, hints=()):
            async for _ in audio:
                pass
            raise EngineError("stt", "broken")
            yield

    async with open_session(stt=Broken()) as (session, listener, _):
        await committed(session, listener)
        await session.receive(commands.Respond("r"))
        assert (await listener.until(events.TurnDone)).outcome is Outcome.COMPLETED
        assert [(error.code, bool(error.line)) for error in listener.of(events.ErrorRaised)] == [("stt_error", True)]


async def test_where_nobody_answers_unasked_what_is_said_is_noted():
    """It is transcribed and remembered; no answer is begun, not even on a guess, until one is wished for."""
    llm = ScriptedLanguageModel("At dawn.")
    async with open_session(llm=llm, stt=ScriptedSpeechToText(QUESTION), cast=(MARA,)) as (session, listener, _):
        await configured(session, listener, answers=False)
        await microphone(session, 1.0, 1.5)
        heard = await listener.until(events.TranscriptFinal)
        assert heard.text == QUESTION
        assert (llm.counts.opened, listener.of(events.TurnStarted)) == (0, [])
        await session.receive(commands.ShowLine(heard.line))
        assert (await listener.until(events.LineShown)).line == PersonLine(QUESTION, id=heard.line, spoken=True)
        await session.receive(commands.Respond("r"))
        await listener.until(events.TurnDone)
        assert prompt(llm) == [("user", QUESTION)]


async def test_discarded_audio_was_never_said():
    """It is nobody's line, nobody answers it, and what was begun on a guess is dropped."""
    figures, llm = Figures(), ScriptedLanguageModel("At dawn.")
    async with open_session(llm=llm, stt=ScriptedSpeechToText(QUESTION), figures=figures) as (session, listener, _):
        await configured(session, listener, silence_ms=2000)
        await microphone(session, 1.0, 1.0)
        assert llm.counts.opened == 1
        await session.receive(commands.DiscardAudio())
        heard = await listener.until(events.TranscriptFinal)
        assert (heard.text, heard.dismissed) == ("", True)
        await session.receive(commands.ShowLine(heard.line))
        assert (await listener.until(events.ErrorRaised)).code == "not_found"
        assert figures.speculations == [("dropped", 1)]
        assert not listener.of(events.TurnStarted)


async def test_discarding_lets_a_ducked_character_go_on():
    """Whoever was about to be interrupted by what is forgotten speaks on."""
    stt = ScriptedSpeechToText("mhm", partials={100: "mhm"})
    async with open_session(llm=ScriptedLanguageModel(LONG), stt=stt) as (session, listener, _):
        await session.receive(commands.Say("Go on."))
        await listener.until(events.AudioFrame, 5)
        for _ in range(15):
            await session.receive(commands.Microphone(LOUD))
            await asyncio.sleep(0.02)
        assert listener.of(events.ReplyDucked)
        await session.receive(commands.DiscardAudio())
        await listener.until(events.ReplyUnducked)
        assert (await listener.until(events.TurnDone)).outcome is Outcome.COMPLETED
