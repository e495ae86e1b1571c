"""The rolling summary: when it is due, what it is made of, and that nobody waits for it. On virtual time."""

from __future__ import annotations

import asyncio

import pytest

from backend import commands, events
from backend.conversation import MAX_LINES, Conversation
from backend.engines.interfaces import Generation
from backend.events import Outcome
from backend.lines import NoteLine, ReplyLine, Summary
from backend.prompting.messages import SUMMARY_TOKENS, messages_for
from backend.prompting.situation import Situation
from backend.prompting.summaries import DIGEST, MADE_WITHIN_S, TASK, Summaries, digest, due
from backend.tokens import estimated_tokens
from tests.scripted import ScriptedLanguageModel
from tests.sessions import CAST, MARA, Figures, open_session

pytestmark = pytest.mark.virtual_time

SITUATION = Situation(CAST, tokens=1536)
LONG = "The tide turns and the harbour fills with boats again, one after another, until the evening bell. " * 2


def talk(lines: int, text: str = LONG) -> Conversation:
    """So many lines, the person's and Mara's by turns."""
    conversation = Conversation()
    for number in range(lines):
        if number % 2:
            conversation.add(ReplyLine(MARA, text=text, heard_text=text.strip(), outcome=Outcome.COMPLETED))
        else:
            conversation.add_person(f"{number}: {text}")
    return conversation


def summaries(llm, outcomes: asyncio.Queue) -> Summaries:
    return Summaries("session", llm, outcomes.put_nowait)


def asked(llm) -> list[list[dict]]:
    """The requests for a summary."""
    return [messages for messages in llm.requests if messages[0]["content"] == TASK]


async def made(conversation: Conversation, llm, generation: Generation | None = None) -> str:
    """What came of an attempt."""
    outcomes = asyncio.Queue()
    summaries(llm, outcomes).begin(lambda: conversation, SITUATION, generation or Generation())
    return await outcomes.get()


def test_it_is_due_when_two_thirds_of_the_room_are_taken():
    """A short conversation is told as it was; of a long one the oldest half is summarised."""
    assert due(talk(6), SITUATION) is None
    covered = due(talk(20), SITUATION)
    assert 9 <= len(covered.lines) <= 11
    assert covered.said[0].startswith("User: 0: The tide")
    assert covered.said[1].startswith("Mara: The tide")


def test_many_short_lines_are_summarised_before_they_are_forgotten():
    """Memory holds so many lines, whatever their length."""
    assert due(talk(MAX_LINES // 2, "Hm."), Situation(CAST, tokens=100_000)) is None
    assert due(talk(MAX_LINES // 2 + 1, "Hm."), Situation(CAST, tokens=100_000)) is not None


def test_what_can_still_be_heard_is_not_summarised():
    """It is not known yet what of it was heard."""
    conversation = talk(20)
    open_reply = ReplyLine(MARA, text=LONG)
    conversation.add(open_reply, after=3)
    assert [line.id for line in due(conversation, SITUATION).lines] == [line.id for line in conversation.lines[:4]]
    conversation.remove(4)
    conversation.add(open_reply, after=-1)
    assert due(conversation, SITUATION) is None


def test_instructions_are_no_part_of_it():
    """They go on as instructions."""
    conversation = talk(20)
    conversation.add(NoteLine("Whisper."), after=2)
    assert not [text for text in due(conversation, SITUATION).said if "Whisper" in text]


async def test_the_language_model_is_told_what_was_said_and_what_it_wrote_before():
    """The new summary has both in it, and stands for both from then on; tools and limits of replies are not asked of
    it."""
    llm, conversation = ScriptedLanguageModel("They met. They count boats."), talk(20)
    conversation.summarise(Summary("They met.", conversation.lines[1].id), conversation.lines[:2])
    covered = due(conversation, SITUATION).lines
    wanted = Generation("m", 0.5, max_tokens=9, extra={"tools": [1], "reasoning_effort": "low"})
    assert await made(conversation, llm, wanted) == "made"
    content = asked(llm)[0][1]["content"]
    assert content.startswith("The record so far:\nThey met.\n\nWhat was said:\nUser: 2: The tide")
    assert content.count("Mara: ") + content.count("User: ") == len(covered)
    assert llm.generations == [Generation("m", 0.5, extra={"reasoning_effort": "low"})]
    assert conversation.summary == Summary("They met. They count boats.", covered[-1].id)
    assert len(conversation.lines) == 20


async def test_one_that_is_too_long_is_broken_off():
    """A model that does not come to an end is stopped; what is kept ends with a sentence."""
    llm, conversation = ScriptedLanguageModel("They talked of the tide. " * 1000, token_s=0.001), talk(20)
    assert await made(conversation, llm) == "made"
    assert estimated_tokens(conversation.summary.text) <= SUMMARY_TOKENS
    assert conversation.summary.text.endswith("the tide.")
    assert llm.counts.live == 0


@pytest.mark.parametrize("trouble", ["fails", "says nothing", "hangs"])
async def test_without_one_lines_are_left_out(trouble):
    """A failure is counted and nothing else: the prompt still fits, and the next turn tries again."""
    llm, conversation, outcomes = ScriptedLanguageModel("   "), talk(40), asyncio.Queue()
    if trouble == "fails":
        llm.fail_after = 0
    elif trouble == "hangs":
        llm.first_token_s = 2 * MADE_WITHIN_S
    making = summaries(llm, outcomes)
    for _ in range(2):
        making.begin(lambda: conversation, SITUATION, Generation())
        assert await outcomes.get() == "failed"
    assert conversation.summary is None
    assert llm.counts.live == 0
    told = messages_for(MARA, conversation, SITUATION)
    assert sum(estimated_tokens(message["content"]) for message in told) <= SITUATION.tokens
    assert "0: The tide" not in told[1]["content"]


async def test_only_one_is_made_at_a_time():
    """A second turn that ends meanwhile does not ask again."""
    llm, conversation = ScriptedLanguageModel("They talked."), talk(20)
    making = summaries(llm, asyncio.Queue())
    for _ in range(3):
        making.begin(lambda: conversation, SITUATION, Generation())
    await asyncio.sleep(5)
    assert len(asked(llm)) == 1


@pytest.mark.parametrize("change", ["cleared", "a line taken out", "summarised"])
async def test_one_of_lines_that_have_gone_is_not_taken(change):
    """What was forgotten meanwhile does not come back."""
    llm, conversation = ScriptedLanguageModel("They talked."), talk(20)
    summaries(llm, asyncio.Queue()).begin(lambda: conversation, SITUATION, Generation())
    await asyncio.sleep(0.1)
    if change == "cleared":
        conversation.clear()
    elif change == "summarised":
        conversation.summarise(Summary("Before.", conversation.lines[0].id), conversation.lines[:1])
    else:
        conversation.remove(2)
    before = conversation.summary
    await asyncio.sleep(5)
    assert llm.counts.closed == 1
    assert conversation.summary is before


async def test_the_end_of_the_session_stops_it():
    """No request is left open."""
    llm, conversation = ScriptedLanguageModel("They talked.", first_token_s=5.0), talk(20)
    making = summaries(llm, asyncio.Queue())
    making.begin(lambda: conversation, SITUATION, Generation())
    await asyncio.sleep(1)
    assert llm.counts.live == 1
    await making.stop()
    assert llm.counts.live == 0


async def test_a_stand_in_gives_the_beginnings_of_lines():
    """It cannot summarise, and says so; the oldest go where there are too many, and it is asked nothing."""
    llm, conversation = ScriptedLanguageModel(), talk(20)
    llm.stand_in = True
    assert await made(conversation, llm) == "made"
    heading, *entries = conversation.summary.text.split("\n")
    assert heading == DIGEST
    assert entries[0] == "User: 0: The tide turns and the harbour…"
    assert not llm.requests
    longer = digest(conversation.summary.text, [f"User: line number {number} of many" for number in range(60)])
    assert estimated_tokens(longer) <= SUMMARY_TOKENS
    assert longer.startswith(f"{DIGEST}\nUser: line number")
    assert longer.endswith("User: line number 59 of many…")


async def test_a_session_summarises_while_its_replies_are_heard():
    """It is begun once all is written, no reply waits for it, and the prompts after it have it."""
    llm, figures = ScriptedLanguageModel(LONG.strip(), token_s=0.001), Figures()
    reply = llm.stream

    def stream(messages, generation):
        llm.replies = ["They spoke of tides."] if messages[0]["content"] == TASK else [LONG.strip()]
        return reply(messages, generation)

    llm.stream = stream
    async with open_session(llm=llm, figures=figures, llm_context=2048) as (session, listener, _):
        turn = 0
        while not figures.summaries:
            turn += 1
            await session.receive(commands.Say(f"What then, {LONG}?"))
            await listener.until(events.TurnDone, turn)
        assert figures.summaries == ["made"]
        (at,) = [place for place, messages in enumerate(llm.requests) if messages[0]["content"] == TASK]
        assert at == len(llm.requests) - 1
        await session.receive(commands.Say("And now?"))
        await listener.until(events.TurnDone, turn + 1)
        assert llm.requests[at + 1][0]["content"].endswith("What happened before:\nThey spoke of tides.")
