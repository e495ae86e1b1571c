"""Edits by hand: lines put in, taken out, looked at and cut, and what the cast knows of it. On virtual time."""

from __future__ import annotations

import asyncio

import pytest

from backend import commands, events
from backend.editing import ROOT
from backend.events import Outcome
from backend.lines import CallLine, NoteLine, PersonLine, ReplyLine, ResultLine
from tests.scripted import CHARACTER_S, RATE_HZ, ScriptedLanguageModel, ScriptedSpeechToText
from tests.sessions import MARA, Figures, open_session
from tests.test_speculation import QUESTION, configured, microphone

pytestmark = pytest.mark.virtual_time

LONG = "This is a long reply of many words. It goes on for quite some time. And it does not end yet."


def person(id_: str) -> PersonLine:
    return PersonLine(f"I am {id_}.", id=id_)


async def added(session, listener, *lines, after=None) -> None:
    """Lines put in one after another, each of them announced."""
    before = len(listener.of(events.LineAdded))
    for line in lines:
        await session.receive(commands.AddLine(line, after))
    await listener.until(events.LineAdded, before + len(lines))


def prompt(llm) -> list[tuple[str, str]]:
    """What the language model was asked last, without the system prompt."""
    return [(message["role"], message["content"]) for message in llm.requests[-1][1:]]


async def test_lines_stand_where_they_were_put():
    """At the end, after another, or at the beginning; each is announced with the one before it."""
    llm = ScriptedLanguageModel("Yes.")
    async with open_session(llm=llm, cast=(MARA,)) as (session, listener, _):
        await added(session, listener, person("a"), person("b"))
        await added(session, listener, person("c"), after="a")
        await added(session, listener, person("d"), after=ROOT)
        assert [(event.line.id, event.after) for event in listener.of(events.LineAdded)] == [
            ("a", None),
            ("b", "a"),
            ("c", "a"),
            ("d", None),
        ]
        await session.receive(commands.Respond("r"))
        await listener.until(events.TurnDone)
        assert prompt(llm) == [("user", "I am d.\nI am a.\nI am c.\nI am b.")]


async def test_every_kind_of_line_is_told_to_the_language_model():
    """Instructions, what somebody said, and calls with their results, in their own roles."""
    llm = ScriptedLanguageModel("Yes.")
    async with open_session(llm=llm, cast=(MARA,)) as (session, listener, _):
        said = ReplyLine(MARA, "b", "Good evening.", "Good evening.", Outcome.COMPLETED)
        call = CallLine(MARA, "call_1", "look", "{}")
        await added(session, listener, person("a"), said, NoteLine("Be brief."), call, ResultLine("call_1", "a ship"))
        await session.receive(commands.Respond("r"))
        await listener.until(events.TurnDone)
        assert [message["role"] for message in llm.requests[0]] == [
            *("system", "user", "assistant", "user", "assistant", "tool")
        ]


async def test_what_is_taken_out_is_forgotten():
    """Nobody is told of it any more; the client learns what it stood after."""
    llm = ScriptedLanguageModel("Yes.")
    async with open_session(llm=llm, cast=(MARA,)) as (session, listener, _):
        await added(session, listener, person("a"), person("b"))
        await session.receive(commands.RemoveLine("b"))
        await session.receive(commands.RemoveLine("a"))
        await listener.until(events.LineRemoved, 2)
        assert listener.of(events.LineRemoved) == [events.LineRemoved("b", "a"), events.LineRemoved("a", None)]
        await session.receive(commands.Respond("r"))
        await listener.until(events.TurnDone)
        assert prompt(llm) == []


async def test_a_line_is_shown_as_it_is():
    """Also one that the session made itself."""
    async with open_session() as (session, listener, _):
        await session.receive(commands.Say("Hello."))
        done = await listener.until(events.ReplyDone)
        await session.receive(commands.ShowLine(done.message_id))
        line = (await listener.until(events.LineShown)).line
        assert (line.id, line.text, line.character) == (done.message_id, done.text, MARA)


async def test_only_so_much_of_a_reply_was_heard():
    """The rest is forgotten, and the next prompt says that it was cut off."""
    llm = ScriptedLanguageModel(LONG, "Sorry.")
    async with open_session(llm=llm, cast=(MARA,)) as (session, listener, _):
        await session.receive(commands.Say("Go on."))
        done = await listener.until(events.ReplyDone)
        await listener.until(events.TurnDone)
        heard_ms = round(len("This is a long reply") * CHARACTER_S * 1000)
        await session.receive(commands.TruncateLine(done.message_id, heard_ms))
        assert await listener.until(events.LineTruncated) == events.LineTruncated(done.message_id, heard_ms)
        await session.receive(commands.Say("What?"))
        await listener.until(events.TurnDone, 2)
        assert prompt(llm)[1] == ("assistant", "This is a long reply")
        assert "cutting you off" in prompt(llm)[2][1]


async def test_truncating_what_is_being_said_stops_it():
    """A client that has stopped playing need not interrupt as well."""
    llm = ScriptedLanguageModel(LONG)
    async with open_session(llm=llm) as (session, listener, engines):
        await session.receive(commands.Say("Go on."))
        await listener.until(events.AudioFrame, 5)
        line = listener.of(events.ReplyStarted)[0].message_id
        await session.receive(commands.TruncateLine(line, 100))
        await listener.until(events.LineTruncated)
        assert listener.of(events.TurnDone)[0].outcome is Outcome.INTERRUPTED
        assert llm.counts.live == engines.tts.counts.live == 0
        await session.receive(commands.ShowLine(line))
        assert (await listener.until(events.LineShown)).line.heard_text == ""


async def test_a_reply_is_not_cut_after_its_end():
    """As long as it is may be said, and not a millisecond more."""
    async with open_session(llm=ScriptedLanguageModel("Yes.")) as (session, listener, _):
        await session.receive(commands.Say("Well?"))
        done = await listener.until(events.ReplyDone)
        longest_ms = -(-listener.samples(1) * 1000 // RATE_HZ)
        await session.receive(commands.TruncateLine(done.message_id, longest_ms))
        await listener.until(events.LineTruncated)
        await session.receive(commands.TruncateLine(done.message_id, longest_ms + 1, "r"))
        error = await listener.until(events.ErrorRaised)
        assert (error.details, error.request) == ({"param": "audio_end_ms"}, "r")
        assert f"{longest_ms} ms" in error.message


@pytest.mark.parametrize(
    ("edit", "code", "param"),
    [
        (commands.AddLine(person("a"), None, "r"), "invalid_request", "item.id"),
        (commands.AddLine(person("b"), "x", "r"), "not_found", "previous_item_id"),
        (commands.RemoveLine("x", "r"), "not_found", "item_id"),
        (commands.ShowLine("x", "r"), "not_found", "item_id"),
        (commands.TruncateLine("x", 0, "r"), "not_found", "item_id"),
        (commands.TruncateLine("a", 0, "r"), "invalid_request", "item_id"),
    ],
)
async def test_an_edit_that_cannot_be_made_changes_nothing(edit, code, param):
    """The client is told which of its events it was, what is wrong with it, and nothing else happens."""
    async with open_session() as (session, listener, _):
        await added(session, listener, person("a"))
        await session.receive(edit)
        error = await listener.until(events.ErrorRaised)
        assert (error.code, error.details, error.request) == (code, {"param": param}, "r")
        await session.receive(commands.ShowLine("a"))
        assert (await listener.until(events.LineShown)).line.text == "I am a."
        assert len(listener.of(events.LineAdded)) == 1


async def test_an_edit_without_a_name_fails_as_the_clients_own():
    """It is told apart from what goes wrong by itself."""
    async with open_session() as (session, listener, _):
        await session.receive(commands.RemoveLine("x"))
        assert (await listener.until(events.ErrorRaised)).request == ""


async def test_a_new_line_drops_what_was_begun_without_it():
    """An answer that does not know the line is not given."""
    figures, llm = Figures(), ScriptedLanguageModel("At dawn.")
    async with open_session(llm=llm, stt=ScriptedSpeechToText(QUESTION), figures=figures) as (session, listener, _):
        await configured(session, listener, silence_ms=2000)
        await microphone(session, 1.0, 1.0)
        assert llm.counts.opened == 1
        await session.receive(commands.AddLine(NoteLine("Say that we stay.")))
        await listener.until(events.LineAdded)
        assert figures.speculations == [("dropped", 1)]
        await microphone(session, 0, 1.5)
        await asyncio.wait_for(listener.until(events.TurnDone), 30)
        assert "Say that we stay." in str(llm.requests[-1])


async def test_a_line_taken_out_stays_out_whatever_was_begun_with_it():
    """An answer that was begun on a guess does not bring it back."""
    llm = ScriptedLanguageModel("At dawn.")
    async with open_session(llm=llm, stt=ScriptedSpeechToText(QUESTION)) as (session, listener, _):
        await added(session, listener, person("a"))
        await configured(session, listener, silence_ms=2000)
        await microphone(session, 1.0, 1.0)
        assert llm.counts.opened == 1
        await session.receive(commands.RemoveLine("a"))
        await microphone(session, 0, 1.5)
        await asyncio.wait_for(listener.until(events.TurnDone), 30)
        assert "I am a." not in str(llm.requests[-1])
        assert session.conversation.place("a") is None
