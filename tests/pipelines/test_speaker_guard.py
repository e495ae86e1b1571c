"""A character keeps to its own lines."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.engines.interfaces import Finish, OwnWords, Speech, SpeechOver, ToolCallPiece
from backend.pipelines.speaker_guard import REST_WITHIN_S, SpeakerGuard, guard_reply, stop_sequences
from tests.scripted import tokens


def own_part(text: str, pieces: list[str] | None = None) -> str:
    """What Mara may say of `text` in the company of Theo, Iris Vale and Sam."""
    guard = SpeakerGuard("Mara", ["Theo", "Iris Vale", "Sam"])
    return "".join(guard.feed(piece) for piece in pieces or tokens(text)) + guard.finish()


@pytest.mark.parametrize(
    ("written", "own"),
    [
        ("Hello there.", "Hello there."),
        ("Mara: Hello there.", "Hello there."),
        ("**Mara:** Hello there.", "Hello there."),
        ("Well.\nTheo: I disagree.", "Well."),
        ("Well. Theo: I disagree.", "Well."),
        ("Well.\n\n**Theo:** I disagree.", "Well."),
        ("Well.\n[Iris Vale]: I disagree.", "Well."),
        ("Well.\nUser: ok", "Well."),
        ("Well.\nSam: ok", "Well."),
        ("Theo: I disagree.", ""),
        ("Theo is right.", "Theo is right."),
        ("Ask Theo: he knows.", "Ask Theo: he knows."),
        ("Mara is my name. Mara: yes.", "Mara is my name. yes."),
        ("I like Theo", "I like Theo"),
        ("Hm. Sam", "Hm. Sam"),
    ],
)
def test_replies_end_at_somebody_elses_line(written, own):
    """Another speaker's label ends the reply; names inside sentences do not."""
    assert " ".join(own_part(written).split()) == own


@given(st.text(alphabet="MaraTheo:.\n *SmUser", max_size=60), st.data())
def test_cutting_does_not_depend_on_the_pieces(text, data):
    """The same text gives the same result however the model's stream cuts it."""
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=8)))
    pieces = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    assert own_part(text, pieces).split() == own_part(text, [text]).split()


def test_ordinary_text_is_not_delayed():
    """Text that cannot be a label passes at once: the first token is not held back."""
    guard = SpeakerGuard("Mara", ["Theo"])
    assert guard.feed("Good") == "Good"
    assert guard.feed(" evening.") == " evening."


async def written(*items):
    for item in items:
        yield item


async def test_calls_and_the_end_pass():
    """What is no text is not guarded, and the end stays behind the last word."""
    call, finish = ToolCallPiece(0, "{}"), Finish("stop", 1, 2)
    guarded = guard_reply(written("Mara: Aye", call, ". Th", finish), SpeakerGuard("Mara", ["Theo"]))
    assert [item async for item in guarded] == ["Aye", call, ".", " Th", finish]


async def test_words_that_are_spoken_already_are_guarded_alike():
    """Their speech passes, they stay what they are, and somebody else's line ends them."""
    aside, sound = OwnWords(" (nods)", heard=False), Speech(b"..")
    source = written(OwnWords("Mara: Aye."), sound, aside, OwnWords("\nTheo: No."), sound)
    guarded = [item async for item in guard_reply(source, SpeakerGuard("Mara", ["Theo"]))]
    assert guarded == [OwnWords("Aye."), sound, aside]
    kept = [item async for item in guard_reply(written(OwnWords("Aye.\nTh")), SpeakerGuard("Mara", ["Theo"]))]
    assert kept == [OwnWords("Aye."), OwnWords("\nTh")]


@pytest.mark.virtual_time
async def test_what_had_been_written_is_heard():
    """The sound of one's own words comes after them: it is waited for up to where the other's line was written, to the
    sample, and no longer than a writer may need for it."""
    second = Speech(bytes(2 * 100))

    def script(*rest):
        return written(OwnWords("Aye."), second, OwnWords("\nTheo: No.", after=250), OwnWords(" Go!", after=260), *rest)

    async def heard(source) -> list:
        return [item async for item in guard_reply(source, SpeakerGuard("Mara", ["Theo"]))][1:]

    assert await heard(script(second, second, second)) == [second, second, Speech(bytes(2 * 50))]
    assert await heard(script(second, SpeechOver(), second)) == [second, second]
    assert await heard(script(second)) == [second, second]

    async def stalls():
        async for item in script(second):
            yield item
        await asyncio.Event().wait()

    before = asyncio.get_running_loop().time()
    assert await heard(stalls()) == [second, second]
    assert asyncio.get_running_loop().time() - before == pytest.approx(REST_WITHIN_S)


async def test_words_of_another_kind_are_no_part_of_a_name():
    """What is held back because it may become a name is released as what it was."""
    source = written(OwnWords("Aye. Th"), OwnWords(" (nods)", heard=False))
    guarded = [item async for item in guard_reply(source, SpeakerGuard("Mara", ["Theo"]))]
    assert guarded == [OwnWords("Aye."), OwnWords(" Th"), OwnWords(" (nods)", heard=False)]


async def test_a_reply_that_is_cut_closes_the_writer():
    """Nobody goes on writing somebody else's lines."""
    source = written("Well.\nTheo:", " No.", Finish())
    assert [item async for item in guard_reply(source, SpeakerGuard("Mara", ["Theo"]))] == ["Well."]
    assert source.ag_frame is None


def test_the_model_is_stopped_at_the_likeliest_names():
    """Servers take four; the person and whoever spoke last come first, and a name of one's own stops nobody."""
    others = ["Ben", "Theo", "mara", "Theo", "", "Iris", "Otto", "Anna"]
    assert stop_sequences("Mara", others) == ("\nBen:", "\nTheo:", "\nIris:", "\nOtto:")
