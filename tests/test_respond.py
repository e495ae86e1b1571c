"""Somebody is asked to speak: in the conversation, beside it, aloud or in writing, and with functions to call. All on
virtual time."""

from __future__ import annotations

import asyncio
import math
from contextlib import aclosing

import pytest

from backend import commands, events
from backend.characters import Character
from backend.engines.interfaces import Finish, Generation, ToolCallPiece
from backend.errors import ALREADY_SPEAKING
from backend.events import Outcome
from backend.lines import CallLine, NoteLine, PersonLine, ReplyLine, ResultLine
from backend.prompting.dialogue import OPENING
from tests.scripted import ScriptedLanguageModel, ScriptedSpeechToText, ScriptedTextToSpeech
from tests.sessions import MARA, THEO, Figures, open_session
from tests.test_speculation import QUESTION, configured, microphone

pytestmark = pytest.mark.virtual_time

LONG = "This is a long reply of many words. It goes on for quite some time. And it does not end yet."
TOOLS = Generation(extra={"tools": [{"type": "function", "function": {"name": "look"}}]})


def turns(listener, kind=events.TurnDone) -> dict[int, events.Event]:
    return {event.turn: event for event in listener.of(kind)}


def prompt(llm, request: int = -1) -> list[tuple[str, str]]:
    """What the language model was asked, without the system prompt."""
    return [(message["role"], message["content"]) for message in llm.requests[request][1:]]


BEGUN = ("user", OPENING)
"""What stands before a character's own first line."""


async def said(session, listener, text: str) -> None:
    """The person typed a line and was answered."""
    before = len(listener.of(events.TurnDone))
    await session.receive(commands.Say(text))
    await listener.until(events.TurnDone, before + 1)


# --- in the conversation ----------------------------------------------------------------------------------------------


async def test_somebody_speaks_unasked():
    """A turn like any other, but that nobody said anything; it names the request it comes of, and is remembered."""
    llm = ScriptedLanguageModel("Good evening.", "Indeed.")
    async with open_session(llm=llm, cast=(MARA,)) as (session, listener, engines):
        await session.receive(commands.Respond("r"))
        done = await listener.until(events.TurnDone)
        assert listener.of(events.TurnStarted) == [events.TurnStarted(1, "", "request", ("mara",), "r")]
        assert (done.outcome, prompt(llm)) == (Outcome.COMPLETED, [])
        assert [text for _, text in engines.tts.spoken] == ["Good evening."]
        await said(session, listener, "Hello.")
        assert prompt(llm) == [BEGUN, ("assistant", "Good evening."), ("user", "Hello.")]


async def test_whoever_spoke_last_goes_on():
    """The director decides where nobody is named; whoever was named is talked with from then on."""
    async with open_session() as (session, listener, _):
        await session.receive(commands.Respond("a"))
        await listener.until(events.TurnDone)
        await session.receive(commands.Respond("b", (THEO,), told=()))
        await listener.until(events.TurnDone, 2)
        await session.receive(commands.Respond("c"))
        await listener.until(events.TurnDone, 3)
        assert [turn.characters for turn in listener.of(events.TurnStarted)] == [("mara",), ("theo",), ("theo",)]


async def test_a_character_may_be_dressed_for_one_answer():
    """Other instructions, another voice and other settings hold for this answer, and for no other."""
    llm = ScriptedLanguageModel("Arr.")
    requests = []
    stream = llm.stream
    llm.stream = lambda messages, generation: (requests.append(generation), stream(messages, generation))[1]
    async with open_session(llm=llm) as (session, listener, engines):
        pirate = Character("mara", "Mara", "three", "You are a pirate.")
        await session.receive(commands.Respond("a", (pirate,), Generation(max_tokens=9)))
        await listener.until(events.TurnDone)
        await said(session, listener, "Mara?")
        assert "You are a pirate." in llm.requests[0][0]["content"]
        assert "You are a pirate." not in llm.requests[1][0]["content"]
        assert [voice for voice, _ in engines.tts.spoken] == ["three", "one"]
        assert [generation.max_tokens for generation in requests] == [9, None]


async def test_nobody_speaks_over_another():
    """A wish to speak while somebody does is refused, by name, and disturbs nobody."""
    async with open_session(llm=ScriptedLanguageModel(LONG)) as (session, listener, _):
        await session.receive(commands.Say("Go on."))
        await listener.until(events.AudioFrame)
        await session.receive(commands.Respond("r"))
        error = await listener.until(events.ErrorRaised)
        assert (error.code, error.request, error.turn) == (ALREADY_SPEAKING, "r", None)
        assert (await listener.until(events.TurnDone)).outcome is Outcome.COMPLETED
        assert len(listener.of(events.TurnStarted)) == 1


@pytest.mark.parametrize("text", ["Go on.", "Mara and Theo, go on."])
async def test_the_next_answer_may_begin_when_the_last_was_sent(text):
    """A client that has everything asks for more before it has played it: all of it then counts as heard."""
    async with open_session(llm=ScriptedLanguageModel(LONG)) as (session, listener, _):
        await session.receive(commands.Configure(ahead_s=math.inf))
        await session.receive(commands.Say(text))
        speakers = len((await listener.until(events.TurnStarted)).characters)
        while sum(frame.ends_message for frame in listener.of(events.AudioFrame)) < speakers:
            await listener.until(events.AudioFrame, len(listener.of(events.AudioFrame)) + 1)
        await asyncio.sleep(0.01)
        assert not listener.of(events.TurnDone)
        await session.receive(commands.Respond("r"))
        first = await listener.until(events.TurnDone)
        assert first.outcome is Outcome.COMPLETED
        assert [done.heard_text for done in listener.of(events.ReplyDone)] == [LONG] * speakers
        assert (await listener.until(events.TurnDone, 2)).turn == 2
        assert not listener.of(events.ErrorRaised)


async def test_what_is_sent_but_not_heard_can_be_interrupted():
    """Unpaced audio is in the client's hands; what of it was heard is known all the same."""
    async with open_session(llm=ScriptedLanguageModel(LONG)) as (session, listener, _):
        await session.receive(commands.Configure(ahead_s=math.inf))
        await session.receive(commands.Say("Go on."))
        await listener.until(events.AudioFrame)
        await asyncio.sleep(2.0)
        assert listener.of(events.AudioFrame)[-1].ends_message
        await session.receive(commands.Interrupt())
        assert (await listener.until(events.TurnDone)).outcome is Outcome.INTERRUPTED
        assert 0 < len(listener.of(events.ReplyDone)[0].heard_text) < len(LONG)


async def test_a_guess_makes_room_for_a_wish():
    """What was begun on a guess is dropped when somebody is asked to speak."""
    figures, llm = Figures(), ScriptedLanguageModel("At dawn.", "Good evening.")
    async with open_session(llm=llm, stt=ScriptedSpeechToText(QUESTION), figures=figures) as (session, listener, _):
        await configured(session, listener, silence_ms=2000)
        await microphone(session, 1.0, 1.0)
        await session.receive(commands.Respond("r"))
        done = await listener.until(events.ReplyDone)
        assert figures.speculations == [("dropped", 1)]
        assert done.text == "Good evening."


# --- what it goes by --------------------------------------------------------------------------------------------------


async def test_an_answer_goes_by_what_it_is_told():
    """Lines brought along and lines of the conversation, in that order, and nothing else; yet it is remembered."""
    llm = ScriptedLanguageModel("Yes.", "A ship.", "And then?")
    async with open_session(llm=llm, cast=(MARA,)) as (session, listener, _):
        await said(session, listener, "Hello.")
        reply = listener.of(events.ReplyDone)[0].message_id
        await session.receive(commands.Respond("r", told=(NoteLine("Look out."), reply, PersonLine("What is it?"))))
        await listener.until(events.TurnDone, 2)
        assert prompt(llm) == [BEGUN, ("assistant", "Yes."), ("user", "What is it?")]
        assert "Look out." in llm.requests[-1][0]["content"]
        await said(session, listener, "Oh.")
        assert prompt(llm) == [("user", "Hello."), ("assistant", "Yes.\nA ship."), ("user", "Oh.")]


async def test_a_line_that_is_not_there_cannot_be_gone_by():
    """The client is told which wish it was; nobody speaks."""
    async with open_session() as (session, listener, _):
        await session.receive(commands.Respond("r", told=("nothing",)))
        error = await listener.until(events.ErrorRaised)
        assert (error.code, error.details, error.request) == ("invalid_request", {"param": "response.input"}, "r")
        assert not listener.of(events.TurnStarted)


# --- beside the conversation ------------------------------------------------------------------------------------------


class OneTextAtATime(ScriptedTextToSpeech):
    """Notices when one voice is asked to speak two texts at once."""

    def __init__(self) -> None:
        super().__init__()
        self.overlaps = 0

    def open_voice(self, voice, manner=None):
        generator, engine = super().open_voice(voice, manner), self
        speaks, busy = generator.stream, []

        async def stream(text):
            engine.overlaps += len(busy)
            busy.append(text)
            try:
                async with aclosing(speaks(text)) as pieces:
                    async for piece in pieces:
                        yield piece
            finally:
                busy.remove(text)

        generator.stream = stream
        return generator


async def test_an_answer_apart_is_given_beside_another():
    """Both are made at the same time, each with a voice of its own; nobody is told what was said apart."""
    llm, tts = ScriptedLanguageModel(LONG, "Summary of it all.", "Yes."), OneTextAtATime()
    async with open_session(llm=llm, tts=tts, cast=(MARA,)) as (session, listener, _):
        await session.receive(commands.Say("Go on."))
        await listener.until(events.AudioFrame)
        await session.receive(commands.Respond("a", kept=False))
        apart = await listener.until(events.TurnDone)
        assert (apart.turn, apart.outcome) == (-1, Outcome.COMPLETED)
        assert listener.samples(-1) > 0
        assert (await listener.until(events.TurnDone, 2)).turn == 1
        assert not listener.of(events.ErrorRaised)
        assert tts.overlaps == 0
        await said(session, listener, "And?")
        assert prompt(llm) == [("user", "Go on."), ("assistant", LONG), ("user", "And?")]


async def test_answers_apart_have_numbers_of_their_own():
    """Several may be under way; turns of the conversation are counted from 1 all the same."""
    async with open_session(llm=ScriptedLanguageModel(LONG)) as (session, listener, _):
        for request in ("a", "b"):
            await session.receive(commands.Respond(request, kept=False))
        await session.receive(commands.Say("Hello."))
        await listener.until(events.TurnDone, 3)
        started = [(turn.turn, turn.request) for turn in listener.of(events.TurnStarted)]
        assert started == [(-1, "a"), (-2, "b"), (1, "")]
        assert {done.outcome for done in listener.of(events.TurnDone)} == {Outcome.COMPLETED}


async def test_an_answer_apart_can_be_stopped_by_its_number():
    """The conversation goes on; an interrupt without a number is for the conversation."""
    llm = ScriptedLanguageModel(LONG)
    async with open_session(llm=llm) as (session, listener, engines):
        await session.receive(commands.Say("Go on."))
        for request in ("a", "b"):
            await session.receive(commands.Respond(request, kept=False))
        await listener.until(events.AudioFrame, 3)
        await session.receive(commands.Interrupt(-1))
        assert (await listener.until(events.TurnDone)).turn == -1
        await session.receive(commands.Interrupt())
        assert (await listener.until(events.TurnDone, 2)).turn == 1
        await session.receive(commands.Interrupt(-1))
        assert (await listener.until(events.TurnDone, 3)).turn == -2
        outcomes = {turn: done.outcome for turn, done in turns(listener).items()}
        assert outcomes == {-1: Outcome.INTERRUPTED, 1: Outcome.INTERRUPTED, -2: Outcome.COMPLETED}
        assert llm.counts.live == engines.tts.counts.live == 0


async def test_an_answer_apart_that_fails_fails_alone():
    """Its end says so; the conversation does not notice."""
    llm = ScriptedLanguageModel(LONG, "Summary of it all.")
    async with open_session(llm=llm) as (session, listener, _):
        await session.receive(commands.Say("Go on."))
        await listener.until(events.AudioFrame)
        await asyncio.sleep(1.0)
        llm.fail_after = 1
        await session.receive(commands.Respond("a", kept=False))
        await listener.until(events.TurnDone, 2)
        assert {n: done.outcome for n, done in turns(listener).items()} == {1: Outcome.COMPLETED, -1: Outcome.FAILED}
        assert [error.turn for error in listener.of(events.ErrorRaised)] == [-1]


async def test_a_disconnect_stops_what_is_said_apart():
    """Nothing is left running."""
    llm, tts = ScriptedLanguageModel(LONG), ScriptedTextToSpeech()
    async with open_session(llm=llm, tts=tts) as (session, listener, _):
        await session.receive(commands.Say("Go on."))
        await session.receive(commands.Respond("a", kept=False))
        await listener.until(events.AudioFrame, 2)
        assert llm.counts.opened == 2
    assert llm.counts.live == tts.counts.live == 0


async def test_what_was_said_over_a_character_outlives_an_answer_apart():
    """What waits for somebody who is not to be interrupted is answered when they have finished, and not lost before."""
    stubborn = Character("mara", "Mara", "one", interruptible=False)
    llm = ScriptedLanguageModel(LONG, "Aside.", "I see.")
    async with open_session(llm=llm, stt=ScriptedSpeechToText(QUESTION), cast=(stubborn,)) as (session, listener, _):
        await session.receive(commands.Say("Go on."))
        await listener.until(events.AudioFrame)
        await session.receive(commands.Respond("a", kept=False, aloud=False))
        await microphone(session, 0.6, 0.6)
        await listener.until(events.TranscriptFinal)
        await session.receive(commands.Respond("b", kept=False, aloud=False))
        await listener.until(events.TurnDone, 4)
        assert [turn.text for turn in listener.of(events.TurnStarted) if turn.turn > 0] == ["Go on.", QUESTION]


# --- in writing -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["session", "wish"])
async def test_a_reply_may_be_only_written(how):
    """No voice is opened, nothing is played, all of it counts as read, and the turn is over at once."""
    llm = ScriptedLanguageModel("Good evening. It is late.")
    async with open_session(llm=llm, cast=(MARA,)) as (session, listener, engines):
        await session.receive(commands.Configure(aloud=how == "wish"))
        await session.receive(commands.Respond("r", aloud=None if how == "session" else False))
        done = await listener.until(events.TurnDone)
        assert listener.of(events.ReplyDone)[0].heard_text == "Good evening. It is late."
        assert (listener.of(events.AudioFrame), engines.tts.counts.opened) == ([], 0)
        assert done.ledger[0].ttfa_s is None
        assert "spoken" not in llm.requests[0][0]["content"]
        line = listener.of(events.ReplyDone)[0].message_id
        await session.receive(commands.ShowLine(line))
        assert (await listener.until(events.LineShown)).line.spoken is None
        await session.receive(commands.TruncateLine(line, 0, "t"))
        assert (await listener.until(events.ErrorRaised)).request == "t"


async def test_what_was_written_before_the_cut_was_read():
    """A reader has seen every word that came."""
    async with open_session(llm=ScriptedLanguageModel(LONG, token_s=0.1)) as (session, listener, _):
        await session.receive(commands.Respond("r", aloud=False))
        await listener.until(events.ReplyText, 5)
        await session.receive(commands.Interrupt())
        done = await listener.until(events.ReplyDone)
        assert done.outcome is Outcome.INTERRUPTED
        assert 0 < len(done.text) < len(LONG)
        assert done.heard_text == done.text


# --- functions --------------------------------------------------------------------------------------------------------

CALLED = (
    ToolCallPiece(0, id="call_1", name="look"),
    ToolCallPiece(0, '{"at": '),
    ToolCallPiece(0, '"sea"}'),
    Finish("tool_calls", 40, 9),
)


async def test_a_function_is_called_and_its_result_answered():
    """The call is told piece by piece and whole; its result is in the prompt of the next answer, after the call."""
    llm = ScriptedLanguageModel(("Let me look.", *CALLED), "A ship.")
    async with open_session(llm=llm, cast=(MARA,)) as (session, listener, engines):
        await session.receive(commands.Configure(generation=TOOLS))
        await said(session, listener, "What is there?")
        call = listener.of(events.CallDone)[0].line
        assert (call.call_id, call.name, call.arguments) == ("call_1", "look", '{"at": "sea"}')
        assert [text.delta for text in listener.of(events.CallText)] == ["", '{"at": ', '"sea"}']
        assert {(text.line, text.call_id, text.name) for text in listener.of(events.CallText)} == {
            (call.id, "call_1", "look")
        }
        assert [text for _, text in engines.tts.spoken] == ["Let me look."]
        assert listener.of(events.ReplyTextDone)[0] == events.ReplyTextDone(1, 0, "tool_calls", 40, 9)
        await session.receive(commands.AddLine(ResultLine("call_1", "a ship")))
        await session.receive(commands.Respond("r"))
        await listener.until(events.TurnDone, 2)
        said_before, called, result = llm.requests[1][2:]
        assert said_before == {"role": "assistant", "content": "Let me look."}
        assert called["tool_calls"][0]["function"] == {"name": "look", "arguments": '{"at": "sea"}'}
        assert (result["role"], result["tool_call_id"], result["content"]) == ("tool", "call_1", "a ship")


async def test_a_call_may_be_all_there_is():
    """Nothing is said; the turn is over, and whoever made the call may be answered."""
    async with open_session(llm=ScriptedLanguageModel(CALLED)) as (session, listener, engines):
        await session.receive(commands.Respond("r"))
        assert (await listener.until(events.TurnDone)).outcome is Outcome.COMPLETED
        assert len(listener.of(events.CallDone)) == 1
        assert (listener.of(events.AudioFrame), engines.tts.counts.opened) == ([], 0)


async def test_a_call_that_was_cut_off_is_not_made():
    """Its arguments may be half of what was meant: it is no line of the conversation."""
    llm = ScriptedLanguageModel(CALLED, "Never mind.", token_s=1.0)
    async with open_session(llm=llm, cast=(MARA,)) as (session, listener, _):
        await session.receive(commands.Respond("r"))
        text = await listener.until(events.CallText, 2)
        await session.receive(commands.Interrupt())
        await listener.until(events.TurnDone)
        assert not listener.of(events.CallDone)
        await session.receive(commands.ShowLine(text.line, "s"))
        assert (await listener.until(events.ErrorRaised)).code == "not_found"


async def test_a_call_of_the_clients_is_a_line_like_any_other():
    """A restored conversation has its calls; one without a result is not told to the language model."""
    llm = ScriptedLanguageModel("Yes.")
    async with open_session(llm=llm, cast=(MARA,)) as (session, listener, _):
        await session.receive(commands.AddLine(CallLine(MARA, "call_1", "look", "{}")))
        await session.receive(commands.AddLine(ReplyLine(MARA, "m", "So.", "So.", Outcome.COMPLETED)))
        await session.receive(commands.Respond("r"))
        await listener.until(events.TurnDone)
        assert prompt(llm) == [BEGUN, ("assistant", "So.")]
