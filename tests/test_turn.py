"""Characters that go on among themselves: one turn, as many replies as it takes. All on virtual time."""

from __future__ import annotations

import asyncio

import pytest

from backend import commands, events
from backend.events import Outcome
from tests.scripted import RATE_HZ, ScriptedLanguageModel, ScriptedSpeechToText
from tests.sessions import MARA, open_session, speak
from tests.test_cues import done, spoken

pytestmark = pytest.mark.virtual_time

LONG = "This is a long reply of many words. It goes on for quite some time. And it does not end yet."


async def test_they_go_on_for_so_many_lines():
    """After the replies to the person, within the same turn, without a gap; who will go on is not announced before."""
    llm = ScriptedLanguageModel("I say so.", "Theo would not.", "Indeed I would not, Iris.", "Nor I.")
    async with open_session(llm=llm, lines_among_themselves=3) as (session, listener, _):
        over = await done(session, listener, commands.Say("Iris?"))
        assert over.outcome is Outcome.COMPLETED
        assert listener.of(events.TurnStarted)[0].characters == ("iris",)
        assert [who for who, _ in spoken(listener)] == ["iris", "mara", "theo", "iris"]
        assert [reply.reply for reply in listener.of(events.ReplyStarted)] == [0, 1, 2, 3]
        assert "Iris: I say so." in llm.requests[1][-1]["content"]
        frames = listener.timed(events.AudioFrame)
        for reply in (1, 2, 3):
            begins = next(at for at, frame in frames if frame.reply == reply)
            heard = sum(listener.samples(1, before) for before in range(reply)) / RATE_HZ
            assert begins - frames[0][0] <= heard + 0.05
        assert [entry.reply for entry in over.ledger] == [0, 1, 2, 3]
        assert all(entry.marks["turn_decided"] is not None for entry in over.ledger)


async def test_without_the_setting_they_do_not():
    """Only the addressed answer."""
    async with open_session() as (session, listener, _):
        await done(session, listener, commands.Say("Iris?"))
        assert [who for who, _ in spoken(listener)] == ["iris"]


async def test_one_character_does_not_talk_to_itself():
    """With nobody else there the turn is over after its reply."""
    async with open_session(cast=(MARA,), lines_among_themselves=5) as (session, listener, _):
        await done(session, listener, commands.Say("Well?"))
        assert len(spoken(listener)) == 1


async def test_a_character_with_nothing_to_say_ends_it():
    """Nobody answers silence."""
    llm = ScriptedLanguageModel("I say so.", "Mara: ")
    async with open_session(llm=llm, lines_among_themselves=5) as (session, listener, _):
        await done(session, listener, commands.Say("Theo?"))
        assert len(llm.requests) == 2


@pytest.mark.parametrize("how", ["speaks", "types", "interrupts", "leaves"])
async def test_the_person_ends_it(how):
    """However they cut in: nobody goes on, and what was written ahead but not heard is forgotten."""
    llm, stt = ScriptedLanguageModel(LONG), ScriptedSpeechToText("stop it all now")
    async with open_session(llm=llm, stt=stt, lines_among_themselves=20) as (session, listener, engines):
        await session.receive(commands.Say("Theo?"))
        await listener.until(events.ReplyDone, 2)
        assert not listener.of(events.TurnDone)
        await session.receive(commands.Configure(lines_among_themselves=0))
        if how == "speaks":
            await speak(session, 2.0)
        elif how == "types":
            await session.receive(commands.Say("Stop."))
        elif how == "interrupts":
            await session.receive(commands.Interrupt())
        if how != "leaves":
            assert (await listener.until(events.TurnDone)).outcome is Outcome.INTERRUPTED
            heard = [reply.heard_text for reply in listener.of(events.ReplyDone) if reply.turn == 1]
            assert heard[:2] == [LONG, LONG]
            assert len(heard) < 8
            if how != "interrupts":
                await listener.until(events.TurnDone, 2)
                roles = str(llm.requests[-1])
                assert roles.count(LONG) <= 3
    assert llm.counts.live == engines.tts.counts.live == 0


async def test_a_wish_to_speak_waits_for_all_of_it():
    """While they may still go on, somebody is speaking."""
    llm = ScriptedLanguageModel("I say so.", first_token_s=1.0)
    async with open_session(llm=llm, lines_among_themselves=3) as (session, listener, _):
        await session.receive(commands.Configure(ahead_s=1000.0))
        await session.receive(commands.Say("Theo?"))
        await listener.until(events.ReplyStarted, 2)
        await asyncio.sleep(0.5)
        assert listener.of(events.AudioFrame)[-1].ends_message
        await session.receive(commands.Respond("r"))
        assert (await listener.until(events.ErrorRaised)).code == "already_speaking"


async def test_the_same_conversation_goes_on_in_the_same_way():
    """Who goes on is drawn from the conversation's id and the turn's number: nothing else."""
    orders = []
    for _ in range(2):
        async with open_session(lines_among_themselves=10) as (session, listener, _):
            session._floor.conversation.id = "c"
            cast = tuple(type(c)(c.id, c.name, c.voice, talkativeness=0.5) for c in session._settings.cast)
            await session.receive(commands.Configure(cast=cast))
            await done(session, listener, commands.Say("Theo?"))
            orders.append([who for who, _ in spoken(listener)])
    assert orders[0] == orders[1]
    assert len(orders[0]) == 11
    assert all(first != then for first, then in zip(orders[0], orders[0][1:], strict=False))
