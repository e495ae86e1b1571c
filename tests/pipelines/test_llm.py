"""The LLM pipeline: text, calls of functions and the end of a reply, as the language model gives them."""

from __future__ import annotations

import anyio
import pytest

from backend import events
from backend.conversation import Conversation
from backend.engines.interfaces import Finish, Generation, ToolCallPiece
from backend.heard import SpeechRate, SpokenReply
from backend.ledger import Ledger
from backend.lines import CallLine, ReplyLine
from backend.pipelines.llm import LLMPipeline, SentenceItem
from backend.prompting.situation import Situation
from backend.reply import Reply
from tests.scripted import ScriptedLanguageModel
from tests.sessions import CAST, IRIS, MARA, THEO

pytestmark = pytest.mark.virtual_time


async def write(*pieces, cast=(MARA,)):
    """(events, sentences, conversation) of a reply that the language model writes in these pieces."""
    told, conversation = [], Conversation()

    async def emit(event) -> None:
        told.append(event)

    reply = Reply(1, 0, ReplyLine(MARA, "msg_1"), SpokenReply(24_000, SpeechRate()), Ledger(0, 0.0))
    llm = ScriptedLanguageModel(pieces)
    writer = LLMPipeline(lambda _: llm, Generation(), conversation, Situation(cast), emit, lambda: 0.0)
    to_voice, sentences = anyio.create_memory_object_stream(100)
    await writer.run([reply], to_voice)
    async with sentences:
        items = [item async for item in sentences]
    assert llm.counts.live == 0
    return told, [item.spoken for item in items if isinstance(item, SentenceItem)], conversation


def of(told, kind) -> list:
    return [event for event in told if isinstance(event, kind)]


async def test_pieces_of_calls_are_put_together():
    """Calls may come by turns; each is told piece by piece, and whole when the reply has ended."""
    told, sentences, conversation = await write(
        "One moment.",
        ToolCallPiece(4, id="call_a", name="look"),
        ToolCallPiece(7, '{"n"', id="call_b", name="count"),
        ToolCallPiece(4, '{"at": "sea"}'),
        ToolCallPiece(7, ": 2}"),
        Finish("tool_calls"),
    )
    assert sentences == ["One moment."]
    pieces = [(piece.call, piece.call_id, piece.name, piece.delta) for piece in of(told, events.CallText)]
    assert pieces == [
        (0, "call_a", "look", ""),
        (1, "call_b", "count", '{"n"'),
        (0, "call_a", "look", '{"at": "sea"}'),
        (1, "call_b", "count", ": 2}"),
    ]
    assert [(done.call, done.line.arguments) for done in of(told, events.CallDone)] == [
        (0, '{"at": "sea"}'),
        (1, '{"n": 2}'),
    ]
    kinds = [type(event) for event in told]
    assert kinds[-3:] == [events.CallDone, events.CallDone, events.ReplyTextDone]
    lines = [conversation.line(conversation.place(done.line.id)) for done in of(told, events.CallDone)]
    assert [(line.character, line.call_id, line.name) for line in lines] == [
        (MARA, "call_a", "look"),
        (MARA, "call_b", "count"),
    ]
    assert conversation.place("msg_1") == 0


async def test_a_call_without_arguments_or_name_for_it_is_complete():
    """Servers that send neither an id nor arguments still call the function."""
    told, _, _ = await write(ToolCallPiece(0, name="look"))
    (done,) = of(told, events.CallDone)
    assert done.line.arguments == "{}"
    assert done.line.call_id == of(told, events.CallText)[0].call_id != ""


async def test_a_call_that_was_broken_off_is_not_made():
    """Where the tokens ran out the last call lacks its end; those before it are whole."""
    told, _, conversation = await write(
        ToolCallPiece(0, "{}", "call_a", "look"), ToolCallPiece(1, '{"n', "call_b", "count"), Finish("length")
    )
    assert [done.line.call_id for done in of(told, events.CallDone)] == ["call_a"]
    assert isinstance(conversation.line(1), CallLine)
    assert conversation.last_id == of(told, events.CallDone)[0].line.id


@pytest.mark.parametrize(
    ("pieces", "end"),
    [
        (("Yes.", Finish("length", 7, 2)), ("length", 7, 2)),
        (("Yes.", Finish("content_filter")), ("content_filter", None, None)),
        (("Yes.",), ("stop", None, None)),
        ((), ("stop", None, None)),
    ],
)
async def test_the_end_says_why_and_how_much(pieces, end):
    """As the engine counts it; one that says nothing has simply finished."""
    told, _, _ = await write(*pieces)
    assert told[-1] == events.ReplyTextDone(1, 0, *end)


async def test_calls_are_no_words():
    """What is written for a program is neither shown nor spoken, and does not hold up what is."""
    told, sentences, _ = await write(
        "It is ", ToolCallPiece(0, '{"say": "Nothing."}', "call_a", "look"), "late.", Finish("tool_calls")
    )
    assert "".join(text.delta for text in of(told, events.ReplyText)) == "It is late."
    assert sentences == ["It is late."]


async def test_whoever_speaks_for_another_calls_nothing_more():
    """A reply that goes on as somebody else ends there, and so do its calls."""
    told, sentences, _ = await write(
        "I would.\n", "Theo: I would not.\n", ToolCallPiece(0, "{}", "call_a", "look"), cast=(MARA, THEO)
    )
    assert sentences == ["I would."]
    assert not of(told, events.CallText)
    assert isinstance(told[-1], events.ReplyTextDone)


@pytest.mark.parametrize(("arguments", "made"), [('{"at": "s', 1), ('{"at": "sky"}', 2), ("", 1)])
async def test_of_calls_in_a_reply_that_was_cut_those_count_that_are_whole(arguments, made):
    """The last one may have been broken off, or the text after it."""
    calls = ToolCallPiece(0, "{}", "call_a", "go"), ToolCallPiece(1, arguments, "call_b", "look")
    told, _, _ = await write(*calls, Finish("length"))
    assert len(of(told, events.CallDone)) == made


async def test_the_model_is_asked_to_stop_at_the_names_of_others():
    """The person's first, then the others', who spoke last first; the client's own stop sequences are left to the
    engine to heed."""
    llm, conversation = ScriptedLanguageModel("Well."), Conversation()
    for character in (IRIS, THEO):
        conversation.add(ReplyLine(character, text="Hm.", heard_text="Hm.", outcome=events.Outcome.COMPLETED))

    async def emit(event) -> None:
        pass

    reply = Reply(1, 0, ReplyLine(MARA), SpokenReply(24_000, SpeechRate()), Ledger(0, 0.0))
    to_voice, sentences = anyio.create_memory_object_stream(100)
    async with sentences:
        writer = LLMPipeline(lambda _: llm, Generation(), conversation, Situation(CAST), emit, lambda: 0.0)
        await writer.run([reply], to_voice)
    assert llm.generations[0].stop == ("\nUser:", "\nTheo:", "\nIris:")
