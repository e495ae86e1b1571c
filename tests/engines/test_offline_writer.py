"""The language model's offline stand-in keeps a conversation going without knowing anything."""

from __future__ import annotations

import asyncio
import math
import re
import string
from contextlib import aclosing
from datetime import datetime
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.engines.interfaces import Finish, Generation, Message
from backend.engines.offline_writer import OfflineLanguageModel
from backend.engines.offline_writer.scene import Line, read_scene
from backend.speakable import speakable

MARA = (
    "You are Mara, a calm retired ship's navigator who misses the open sea. You know the stars by heart.\n\n"
    "You are Mara in a spoken conversation with Ann. Also present: Theo, Ada. Never speak for them or for Ann. "
    "Say only Mara's own next line, without a name in front."
)
BRAM = (
    "You are Bram, a gruff blacksmith who loves good iron and hates idle talk. "
    "You have worked at the forge all your life."
)
SENTENCE = re.compile(r"[^.!?]+[.!?]+\"?")
NOON = datetime(2024, 5, 17, 14, 5)

INPUTS = {
    "Hello there!": "hello",
    "I lost my keys in the garden.": "keys|garden",
    "Why is the sky blue?": "sky",
    "how do clouds stay up": "clouds",
    "When does the museum open?": "museum",
    "Where is my umbrella?": "umbrella",
    "Who wrote Hamlet?": "hamlet",
    "What is the capital of France?": "france",
    "Do you like spaghetti?": "spaghetti",
    "Tell me about volcanoes.": "volcanoes",
    "My sister is getting married next week.": "sister",
    "I am so tired today.": "tired",
    "My old dog died.": "dog",
    "I'm really happy about my new job!": "happy",
    "yes": "yes",
    "No.": "no",
    "maybe": "maybe",
    "Okay.": "okay",
    "Thanks a lot!": "thanks",
    "Goodbye.": "goodbye|farewell",
    "Can you tell me a joke?": "joke",
    "You are very kind.": "kind",
    "asdf qwerty": "qwerty",
    "What do you think about chess?": "chess",
    "What does Theo do?": "theo",
    "Ich habe heute keinen Hunger und bin nicht müde.": "hunger",
    "今日はいい天気ですね": "今日はいい天気ですね",
}
TALK = [
    "Hello!", "I need a new sword.", "It is for my brother.", "He lost the old one.", "What do you think?", "Okay.",
    "Yes.", "Okay.", "Why is iron so hard?", "Why is iron so hard?", "Why is iron so hard?", "Hello!", "No.", "Thanks.",
    "Thanks.",
    "I like bread.", "I like bread.", "What is your name?", "What is your name?", "Goodbye.",
]  # fmt: skip


def model() -> OfflineLanguageModel:
    return OfflineLanguageModel(pieces_per_s=math.inf, now=lambda: NOON)


def prompt(*turns: str, system: str = MARA) -> list[Message]:
    """The system prompt, then the person's and the character's lines in turn."""
    roles = ("user", "assistant")
    lines = [Message(role=roles[index % 2], content=text) for index, text in enumerate(turns)]
    return [Message(role="system", content=system), *lines]


async def answer(messages: list[Message], generation: Generation | None = None) -> str:
    async with model() as writer, aclosing(writer.stream(messages, generation or Generation())) as pieces:
        return "".join([piece async for piece in pieces if isinstance(piece, str)])


@pytest.mark.parametrize("system", [MARA, BRAM, "", "Be brief."])
@pytest.mark.parametrize("text", INPUTS)
async def test_speaks_of_what_was_said_in_two_to_five_sentences(text: str, system: str) -> None:
    """A listener hears that the stand-in took in the very words."""
    for turns in ((text,), ("Hi.", "Hello, go on.", text)):
        reply = await answer(prompt(*turns, system=system))
        assert 2 <= len(SENTENCE.findall(reply)) <= 5, reply
        assert re.search(INPUTS[text], reply.casefold()), reply


@settings(max_examples=300, deadline=None)
@given(st.text() | st.text(string.printable) | st.text(st.characters(codec=None)), st.text(max_size=80))
def test_any_input_gives_plain_speech(text: str, system: str) -> None:
    """Empty and hostile input neither raises nor brings markup, line breaks or labels into the reply."""
    reply = asyncio.run(answer(prompt(text, system=f"You are Mara. {system}")))
    assert reply == " ".join(reply.split())
    assert not re.search(r"[*_`#|<>\[\]{}\n]", reply)
    assert 2 <= len(SENTENCE.findall(reply)) <= 5
    assert speakable(reply)


@pytest.mark.parametrize(
    "text", ["a" * 100_000, "why " * 30_000, "one " * 30_000, ". " * 50_000, "you " * 30_000, '"' * 99_999]
)
async def test_hostile_length_is_answered_at_once(text: str) -> None:
    """Only the beginning of a line is read, so nobody can hold up the event loop."""
    assert len(await answer(prompt(text))) < 1500


@pytest.mark.parametrize(
    ("system", "name"), [(MARA, "Mara"), (BRAM, "Bram"), ("Your name is Sol Vance, a detective.", "Sol Vance")]
)
async def test_knows_its_name(system: str, name: str) -> None:
    """The character is who its prompt says."""
    for question in ("What is your name?", "who are you", "Tell me your name."):
        assert name in await answer(prompt("Hi.", "Hello.", question, system=system))


async def test_tells_of_itself_what_the_prompt_says() -> None:
    """A character asked about itself speaks from its prompt, in the first person and without labels of manner."""
    reply = await answer(prompt("Hi.", "Hello.", "Tell me about yourself.", system=BRAM))
    assert "I am a blacksmith who loves good iron" in reply
    assert "my life" in reply
    assert "gruff" not in reply


@pytest.mark.parametrize("system", [MARA, BRAM, ""])
async def test_says_that_it_is_a_stand_in(system: str) -> None:
    """The first reply and every question about its nature are honest."""
    for turns in (("Hello.",), ("Hi.", "Hello.", "Are you a real person?"), ("Hi.", "Hello.", "What are you?")):
        reply = await answer(prompt(*turns, system=system))
        assert "stand-in" in reply
        assert "without a language model" in reply
    assert "stand-in" not in await answer(prompt("Hi.", "Hello.", "I like trees.", system=system))


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("What is 12 times 7?", "eighty-four"),
        ("what is twelve times seven", "eighty-four"),
        ("What's 10 divided by 4?", "two point five"),
        ("how much is 7 / 0", "nobody can divide seven by zero"),
        ("what is two hundred minus one", "one hundred ninety-nine"),
        ("What time is it?", "two oh five in the afternoon"),
        ("What day is it today?", "Friday, May seventeenth"),
        ("which year is it", "twenty twenty-four"),
    ],
)
async def test_answers_what_needs_no_model(question: str, expected: str) -> None:
    """Sums and the clock are answered truly."""
    assert expected in await answer(prompt("Hi.", "Hello.", question))


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("What did I say about the bear?", "I saw a bear by the river"),
        ("What did I just say?", "I saw a bear by the river"),
        ("Repeat that, please.", "A bear it was"),
        ("What did Theo say?", "Bears eat fish"),
        ("Who else is here?", "Theo and Ada"),
        ("What is my name?", "Ann"),
        ("Say good evening.", "good evening"),
        ("What do you miss?", "open sea"),
    ],
)
async def test_remembers_the_conversation(question: str, expected: str) -> None:
    """What was said, and by whom, can be asked for."""
    history = ("Ann: I saw a bear by the river.", "A bear it was.", f"Theo: Bears eat fish.\nAnn: {question}")
    if question == "What did I just say?":
        history = (history[0], history[1], f"Ann: {question}")
    assert expected in await answer(prompt(*history))


async def test_learns_the_persons_name() -> None:
    """A name once given is known later, and the latest one counts."""
    assert "Zoe" in await answer(prompt("My name is Zoe.", "Good.", "what's my name", system=BRAM))


async def test_never_speaks_for_others() -> None:
    """No reply contains a line with somebody else's label, even when asked for one."""
    for text in ("Ann: Theo: say it", "Theo: hello\nAnn: Write Theo: hello and Ada: hi", "Ann: Say Ada: I agree"):
        reply = await answer(prompt(text))
        assert not re.search(r"\b(?:Theo|Ada|Ann|User)\s*:", reply), reply


async def test_same_messages_give_the_same_reply() -> None:
    """Replies can be reproduced."""
    messages = prompt("Ann: I like trains.")
    assert await answer(messages) == await answer(messages)
    assert await answer(messages) != await answer(prompt("Ann: I like planes."))


@pytest.mark.parametrize("system", [MARA, BRAM, ""])
async def test_no_sentence_comes_twice(system: str) -> None:
    """Twenty turns, some of them the very same words, never get the same sentence back."""
    turns: list[str] = []
    for text in TALK:
        turns.append(text)
        turns.append(await answer(prompt(*turns, system=system)))
    said = [sentence.strip().casefold() for reply in turns[1::2] for sentence in SENTENCE.findall(reply)]
    assert len(said) == len(set(said))


async def test_streams_word_by_word() -> None:
    """Pieces look like tokens: a word each, with the space in front, none of them empty."""
    async with aclosing(model().stream(prompt("I like trains."), Generation())) as stream:
        pieces = [piece async for piece in stream]
    assert not pieces[0].startswith(" ")
    assert all(re.fullmatch(r" \S+", piece) for piece in pieces[1:])


async def test_keeps_its_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first piece comes at once, the others at the given rate."""
    pauses: list[float] = []

    async def note(pause_s: float) -> None:
        pauses.append(pause_s)

    monkeypatch.setattr(asyncio, "sleep", note)
    async with aclosing(
        OfflineLanguageModel(pieces_per_s=10.0).stream(prompt("I like trains."), Generation())
    ) as stream:
        assert await anext(stream)
        assert pauses == []
        rest = [piece async for piece in stream]
    assert len(pauses) == len(rest)
    assert all(later - earlier == pytest.approx(0.1, abs=0.05) for earlier, later in pairwise(pauses))


async def test_can_be_left_and_used_again() -> None:
    """A reply that is cut off leaves nothing behind."""
    writer = OfflineLanguageModel(pieces_per_s=0.001)
    for _ in range(2):
        stream = writer.stream(prompt("Hello."), Generation())
        assert await anext(stream)
        waiting = asyncio.ensure_future(anext(stream))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await stream.aclose()


@pytest.mark.parametrize("most", [1, 5, 12, 20, 1000])
async def test_max_tokens_caps_the_pieces_at_a_sentence_end(most: int) -> None:
    """A limit is kept, and where it allows a sentence the reply ends with one."""
    whole = await answer(prompt("I like trains."))
    reply = await answer(prompt("I like trains."), Generation(max_tokens=most))
    assert whole.startswith(reply)
    assert len(reply.split()) <= most
    first_sentence = SENTENCE.findall(whole)[0]
    if len(first_sentence.split()) <= most:
        assert reply.endswith((".", "!", "?", '"'))


@pytest.mark.parametrize("limit", [Generation(max_tokens=5), Generation(extra={"max_completion_tokens": 5})])
async def test_a_reply_that_was_cut_says_so(limit: Generation) -> None:
    """Whoever set a limit, by either name, is told that it was reached."""
    async with model() as writer:
        async with aclosing(writer.stream(prompt("I like trains."), limit)) as pieces:
            assert [piece async for piece in pieces][-1] == Finish("length")
        async with aclosing(writer.stream(prompt("I like trains."), Generation(max_tokens=1000))) as pieces:
            assert all([isinstance(piece, str) async for piece in pieces])


async def test_presents_itself_as_a_stand_in() -> None:
    """The banner, the health page and the page show what this engine is."""
    async with model() as writer:
        assert (writer.name, writer.stand_in, writer.ready) == ("offline", True, True)
        assert "without a language model" in writer.detail
        assert "\n" not in writer.detail


@pytest.mark.parametrize(
    "message",
    [
        "Ann: I lost my keys.\n\n[Note to Mara, which nobody else reads]\nThe lighthouse is old.\n\nBe stern, Mara.",
        "[The conversation goes on.]\nAnn: I lost my keys.",
        "Ann: I lost my keys.\n[Instruction: Speak of the\nlighthouse.]",
    ],
)
def test_what_nobody_said_is_not_read(message: str) -> None:
    """What only a language model can make use of is left alone; the rest is read as it would be without."""
    messages = [Message(role="system", content=MARA), Message(role="user", content=message)]
    assert read_scene(messages).lines == [Line("Ann", "I lost my keys.")]


async def test_a_long_card_does_not_hide_who_is_there() -> None:
    """The names stand after what the card says."""
    long = MARA.replace("\n\n", f"\n\n{'She sails on. ' * 600}\n\n", 1)
    assert "Theo" in await answer(prompt("Who else is here?", system=long))
    assert "Mara" in await answer(prompt("What is your name?", system=long))
