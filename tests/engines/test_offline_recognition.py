"""What the offline recogniser understands, with one real engine for all of these tests."""

from __future__ import annotations

import asyncio
import itertools
import re

import pytest
import pytest_asyncio

from backend.engines.interfaces import Pause, Transcript
from backend.engines.offline_recognizer import OfflineSpeechToText
from tests.engines import contract
from tests.tasks import none_left_behind

pytestmark = pytest.mark.asyncio(loop_scope="module")

SENTENCE = "We are going to the beach this afternoon."
SENTENCES = (SENTENCE, "My brother works in a large hospital.", "Do you remember the name of that song?")


@pytest.fixture(scope="module")
def pcm() -> bytes:
    """`SENTENCE` as it is heard."""
    return asyncio.run(contract.spoken(SENTENCE))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stt():
    """An engine, which no test here changes: to load one takes longer than to recognise a sentence."""
    async with OfflineSpeechToText() as engine:
        await engine.loaded()
        yield engine


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def no_leaked_tasks(stt):
    """As everywhere, in the loop that these tests share."""
    with none_left_behind():
        yield


def wrong_words(said: str, heard: str) -> int:
    """Word errors of `heard`: the Levenshtein distance over words."""
    reference, words = ([*re.sub(r"[^\w' ]", "", text.lower()).split()] for text in (said, heard))
    row = list(range(len(words) + 1))
    for i, expected in enumerate(reference, 1):
        previous, row = row, [i]
        for j, word in enumerate(words, 1):
            row.append(min(previous[j] + 1, row[-1] + 1, previous[j - 1] + (word != expected)))
    return row[-1]


@pytest.mark.parametrize("check", contract.CHECKS)
async def test_keeps_the_contract(stt, pcm, check):
    """The offline recogniser behaves as every engine must, and each utterance leaves its worker clean."""
    await check(contract.hearing(stt, pcm, idle=lambda: stt.idle))


async def test_answers_a_pause(stt, pcm):
    """The turn can be decided by what was said, and deciding it costs no further decoding."""
    await contract.answers_pauses(stt, pcm)


async def test_words_before_and_after_a_pause_are_one_utterance(stt, pcm):
    """A pause in the middle loses no word and repeats none."""

    async def audio():
        for part in (pcm, Pause(), bytes(16_000), pcm):
            yield part

    once = await contract.drain(stt.stream(contract.windows(pcm)))
    twice = await contract.drain(stt.stream(audio()))
    assert twice[-1].text.casefold() == f"{once[-1].text} {once[-1].text}".casefold()


async def test_understands_clear_speech(stt):
    """Clear English is understood: at most one word in ten is wrong."""
    wrong = said = 0
    for sentence in SENTENCES:
        *_, last = await contract.drain(stt.stream(contract.windows(await contract.spoken(sentence))))
        wrong += wrong_words(sentence, last.text)
        said += len(sentence.split())
    assert wrong <= said / 10


async def test_shows_words_while_they_are_said(stt, pcm):
    """Partial transcripts grow towards the final one and are never repeated."""
    *partials, _ = await contract.drain(stt.stream(contract.windows(pcm)))
    texts = [transcript.text for transcript in partials]
    assert len(texts) >= 3
    assert all(texts)
    assert all(first != second for first, second in itertools.pairwise(texts))


async def test_understands_a_quiet_microphone(stt, pcm):
    """Speech 20 dB below normal is brought to the level the model knows."""
    quiet = b"".join(
        round(int.from_bytes(pcm[i : i + 2], "little", signed=True) / 10).to_bytes(2, "little", signed=True)
        for i in range(0, len(pcm), 2)
    )
    *_, last = await contract.drain(stt.stream(contract.windows(quiet)))
    assert wrong_words(SENTENCE, last.text) <= 1, last.text


@pytest.mark.parametrize("audio", [b"", bytes(32_000)])
async def test_hears_nothing_in_silence(stt, audio):
    """No audio and digital silence are an empty final transcript."""
    assert await contract.drain(stt.stream(contract.windows(audio))) == [Transcript("", final=True)]


async def test_takes_audio_cut_anywhere(stt, pcm):
    """Pieces that end in the middle of a sample are the same audio."""

    async def odd_pieces():
        for start in range(0, len(pcm), 999):
            yield pcm[start : start + 999]

    *_, last = await contract.drain(stt.stream(odd_pieces()))
    assert wrong_words(SENTENCE, last.text) <= 1, last.text
