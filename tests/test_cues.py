"""The cast speaks without the person having said anything new: greetings, and the last replies once more. All on
virtual time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from backend import commands, events
from backend.characters import Persona
from backend.events import Outcome
from tests.scripted import ScriptedLanguageModel
from tests.sessions import IRIS, MARA, THEO, open_session

pytestmark = pytest.mark.virtual_time

LONG = "This is a long reply of many words. It goes on for quite some time. And it does not end yet."
HOST = replace(
    THEO, persona=Persona(first_message="Welcome, {{user}}. I am {{char}}.", alternate_greetings=("You again?", "Hm."))
)
STAGE = (MARA, HOST, IRIS)


async def done(session, listener, command, turns: int = 1) -> events.TurnDone:
    """What the client wants is over; it is the session's `turns`-th turn."""
    await session.receive(command)
    return await listener.until(events.TurnDone, turns)


def spoken(listener) -> list[tuple[str, str]]:
    """Who wrote what, in all turns."""
    names = {(e.turn, e.reply): e.character_id for e in listener.of(events.ReplyStarted)}
    return [(names[e.turn, e.reply], e.text) for e in listener.of(events.ReplyDone)]


def lines(session) -> list[str]:
    return [line.text for line in session._floor.conversation.lines]


# --- greetings --------------------------------------------------------------------------------------------------------


async def test_a_character_says_its_first_message():
    """Sentence by sentence, in its voice, remembered like any reply; no language model is asked."""
    async with open_session(cast=STAGE) as (session, listener, engines):
        await session.receive(commands.Configure(user_name="Ben"))
        over = await done(session, listener, commands.Greet())
        assert over.outcome is Outcome.COMPLETED
        assert listener.of(events.TurnStarted) == [events.TurnStarted(1, "", "request", ("theo",))]
        assert spoken(listener) == [("theo", "Welcome, Ben. I am Theo.")]
        assert engines.tts.spoken == [("two", "Welcome, Ben."), ("two", "I am Theo.")]
        assert engines.llm.requests == []
        await done(session, listener, commands.Say("And now?"), 2)
        assert listener.of(events.TurnStarted)[1].characters == ("theo",)
        assert {"role": "assistant", "content": "Welcome, Ben. I am Theo."} in engines.llm.requests[0]


async def test_another_greeting_of_the_card():
    """By its number, counted from the first message."""
    async with open_session(cast=STAGE) as (session, listener, _):
        await done(session, listener, commands.Greet("theo", 2))
        assert spoken(listener) == [("theo", "Hm.")]


async def test_a_greeting_is_interrupted_like_any_reply():
    """What was not heard of it is not remembered."""
    talker = replace(THEO, persona=Persona(first_message=LONG))
    async with open_session(cast=(talker,)) as (session, listener, _):
        await session.receive(commands.Greet())
        await listener.until(events.AudioFrame, 10)
        over = await done(session, listener, commands.Interrupt())
        reply = listener.of(events.ReplyDone)[0]
        assert over.outcome is Outcome.INTERRUPTED
        assert 0 < len(reply.heard_text) < len(LONG)


async def test_a_greeting_cuts_off_what_is_being_said():
    """The person wants to hear it now."""
    async with open_session(llm=ScriptedLanguageModel(LONG), cast=STAGE) as (session, listener, _):
        await session.receive(commands.Say("Go on."))
        await listener.until(events.AudioFrame)
        await done(session, listener, commands.Greet(), 2)
        assert [over.outcome for over in listener.of(events.TurnDone)] == [Outcome.INTERRUPTED, Outcome.COMPLETED]


@pytest.mark.parametrize(
    ("wish", "problem"),
    [
        (commands.Greet("mara"), "Mara has nothing to say first"),
        (commands.Greet("theo", 3), "Theo has 3 greetings"),
        (commands.Greet("nobody"), "nobody in the cast has the id 'nobody'"),
    ],
)
async def test_a_greeting_that_is_not_there(wish, problem):
    """The client is told why, and whoever speaks goes on."""
    async with open_session(llm=ScriptedLanguageModel(LONG), cast=STAGE) as (session, listener, _):
        await session.receive(commands.Say("Go on."))
        await listener.until(events.AudioFrame)
        await session.receive(wish)
        error = await listener.until(events.ErrorRaised)
        assert (error.code, error.message) == ("invalid_request", problem)
        assert (await listener.until(events.TurnDone)).outcome is Outcome.COMPLETED


async def test_without_cards_nobody_greets():
    """The default cast has nothing to say first."""
    async with open_session() as (session, listener, _):
        await session.receive(commands.Greet())
        assert (await listener.until(events.ErrorRaised)).code == "invalid_request"


async def test_a_greeting_said_again_is_the_next_one():
    """In place of the one before, and round again after the last; another character begins with its first."""
    other = replace(IRIS, persona=Persona(first_message="Oh, hello."))
    async with open_session(cast=(MARA, HOST, other)) as (session, listener, engines):
        await done(session, listener, commands.Greet())
        for turn in range(2, 5):
            await done(session, listener, commands.Regenerate(), turn)
        said = [text for _, text in spoken(listener)]
        assert said[1:] == ["You again?", "Hm.", said[0]]
        await done(session, listener, commands.Regenerate(("iris",)), 5)
        assert spoken(listener)[-1] == ("iris", "Oh, hello.")
        assert lines(session) == ["Oh, hello."]
        assert engines.llm.requests == []


# --- once more --------------------------------------------------------------------------------------------------------


async def test_the_same_speakers_answer_again_in_the_same_order():
    """Whoever was talked with last does not take their place."""
    async with open_session(llm=ScriptedLanguageModel("One.", "Two.", "Three.", "Four.")) as (session, listener, _):
        await done(session, listener, commands.Say("Iris and Mara?"))
        await done(session, listener, commands.Regenerate(), 2)
        assert [turn.characters for turn in listener.of(events.TurnStarted)] == [("iris", "mara")] * 2
        assert lines(session) == ["Iris and Mara?", "Three.", "Four."]


async def test_the_person_may_name_others():
    """Who is tapped answers instead, and to nobody else's reply."""
    llm = ScriptedLanguageModel("One.", "Two.")
    async with open_session(llm=llm) as (session, listener, _):
        await done(session, listener, commands.Say("Well?"))
        await done(session, listener, commands.Regenerate(("theo",)), 2)
        assert spoken(listener) == [("mara", "One."), ("theo", "Two.")]
        assert lines(session) == ["Well?", "Two."]
        await session.receive(commands.Regenerate(("nobody",)))
        assert (await listener.until(events.ErrorRaised)).code == "invalid_request"
        assert lines(session) == ["Well?", "Two."]


async def test_after_an_interrupt_all_answer_again():
    """Those too who had not been heard yet; nothing of the cut replies is left."""
    llm = ScriptedLanguageModel(LONG, LONG, "One.", "Two.")
    async with open_session(llm=llm) as (session, listener, _):
        await session.receive(commands.Say("Mara and Theo?"))
        await listener.until(events.AudioFrame, 10)
        await done(session, listener, commands.Interrupt())
        await done(session, listener, commands.Regenerate(), 2)
        assert listener.of(events.TurnStarted)[1].characters == ("mara", "theo")
        assert lines(session) == ["Mara and Theo?", "One.", "Two."]


async def test_while_they_speak_they_begin_again():
    """Asked for in the middle of a reply, it ends that one."""
    async with open_session(llm=ScriptedLanguageModel(LONG, "One.")) as (session, listener, _):
        await session.receive(commands.Say("Well?"))
        await listener.until(events.AudioFrame)
        await done(session, listener, commands.Regenerate(), 2)
        assert [over.outcome for over in listener.of(events.TurnDone)] == [Outcome.INTERRUPTED, Outcome.COMPLETED]
        assert lines(session) == ["Well?", "One."]


async def test_what_they_said_among_themselves_is_said_anew():
    """It goes with the replies it came from, and the same come first again."""
    llm = ScriptedLanguageModel(*(f"Line {number}." for number in range(10)))
    async with open_session(llm=llm, lines_among_themselves=2) as (session, listener, _):
        await done(session, listener, commands.Say("Theo?"))
        await done(session, listener, commands.Regenerate(), 2)
        assert [turn.characters for turn in listener.of(events.TurnStarted)] == [("theo",)] * 2
        assert lines(session) == ["Theo?", "Line 3.", "Line 4.", "Line 5."]


async def test_an_answer_that_was_asked_for_is_given_anew():
    """Only it is replaced: what the person had said before, and the replies to that, stay."""
    async with open_session(llm=ScriptedLanguageModel("One.", "Two.", "Three.")) as (session, listener, _):
        await done(session, listener, commands.Say("Well?"))
        await done(session, listener, commands.Respond("r", (THEO,)), 2)
        await done(session, listener, commands.Regenerate(), 3)
        assert spoken(listener) == [("mara", "One."), ("theo", "Two."), ("theo", "Three.")]
        assert lines(session) == ["Well?", "One.", "Three."]


@pytest.mark.parametrize("before", [(), (commands.Say("Well?"), commands.ClearConversation())])
async def test_there_is_nothing_to_say_again(before):
    """Before anything was said, and after all of it was forgotten."""
    async with open_session() as (session, listener, _):
        for command in before:
            await session.receive(command)
        await session.receive(commands.Regenerate())
        assert (await listener.until(events.ErrorRaised)).code == "invalid_request"


async def test_what_was_said_before_the_session_can_be_said_again():
    """A stored conversation goes on: those who had answered the person's last line answer it again."""
    async with open_session(llm=ScriptedLanguageModel("One.", "Two.")) as (session, listener, _):
        await done(session, listener, commands.Say("Theo and Iris?"))
        session._floor.asked = session._floor.turn = None  # as after a restart
        await done(session, listener, commands.Regenerate(), 2)
        assert listener.of(events.TurnStarted)[1].characters == ("theo", "iris")
        assert lines(session) == ["Theo and Iris?", "One.", "Two."]
