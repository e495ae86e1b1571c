"""The offline voices."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import pytest

from backend.audio import sample_count
from backend.engines.espeak import RATE_HZ, EspeakVoice, Piece, espeak
from backend.engines.offline_speech import (
    OTHER_VARIANTS,
    PASSAGE,
    VOICES,
    OfflineTextToSpeech,
    language_of,
    voice_named,
)
from backend.errors import EngineError
from tests.engines import contract

if TYPE_CHECKING:
    from backend.engines.interfaces import WordMark

OPENAI_NAMES = {
    *("alloy", "ash", "ballad", "coral", "echo", "fable", "nova"),
    *("onyx", "sage", "shimmer", "verse", "marin", "cedar"),
}
LONG = "This is a rather long sentence that goes on and on. " * 192


@pytest.fixture
async def tts():
    async with OfflineTextToSpeech() as engine:
        yield engine


async def words_of(tts: OfflineTextToSpeech, text: str) -> list[WordMark]:
    return [mark for piece in await contract.drain(tts.open_voice("nova").stream(text)) for mark in piece.marks]


@pytest.mark.parametrize("check", contract.CHECKS)
async def test_keeps_the_contract(tts, check):
    """The offline voices behave as every engine must, also in the middle of a long text."""
    await check(contract.speaking(tts, LONG[:1000], idle=lambda: not espeak().speaking))


async def test_pieces_are_short_and_audible(tts):
    """Speech arrives in pieces of at most 100 ms that have sound in them and never clip."""
    pieces = await contract.drain(tts.open_voice("onyx").stream("Every good story has a beginning and an end."))
    assert max(sample_count(piece.pcm) for piece in pieces) <= RATE_HZ // 10
    samples = np.frombuffer(b"".join(piece.pcm for piece in pieces), "<i2").astype(int)
    assert 8000 < np.abs(samples).max() < 32767


@pytest.mark.parametrize("voice", sorted(VOICES))
async def test_every_preset_has_headroom(tts, voice):
    """No preset comes near the limit of 16 bits."""
    pieces = await contract.drain(tts.open_voice(voice).stream("What a wonderful, wonderful day for a walk!"))
    samples = np.frombuffer(b"".join(piece.pcm for piece in pieces), "<i2").astype(int)
    assert 3000 < np.abs(samples).max() < 30_000


async def test_marks_every_word(tts):
    """The mark of a word points at its first character, also behind characters of several bytes."""
    text = "Naïve café “quotes”, 你 and 😀 faces: it isn't Größe."
    marks = await words_of(tts, text)
    starts = [text[mark.offset :] for mark in marks]
    for word in ("Naïve", "café", "quotes", "and", "😀", "faces", "it", "isn't", "Größe"):
        assert any(start.startswith(word) for start in starts), word


async def test_does_not_mark_parts_of_words(tts):
    """What espeak reports inside numbers and contractions is not the beginning of a word."""
    text = "It isn't 3.50 in 2026 here."
    assert [text[mark.offset :].split(maxsplit=1)[0] for mark in await words_of(tts, text)] == text.split()


async def test_marks_go_on_through_a_long_text(tts):
    """A text that is spoken in several passages has the marks and the samples of one."""
    assert len(PASSAGE.findall(LONG)) > 1
    pieces = await contract.drain(tts.open_voice("nova").stream(LONG))
    marks = [mark for piece in pieces for mark in piece.marks]
    assert [mark.offset for mark in marks] == [match.start() for match in re.finditer(r"\S+", LONG)]
    end = 0
    for piece in pieces:
        begin, end = end, end + sample_count(piece.pcm)
        assert all(begin <= mark.sample < end for mark in piece.marks)


@pytest.mark.parametrize("text", ["a" * 1000, "word " * 300, "One. " * 200, LONG, "", "Short.\nLines.\n" * 100])
def test_passages_are_the_whole_text(text):
    """Cutting a long text into passages loses nothing and makes none longer than a passage may be."""
    passages = PASSAGE.findall(text)
    assert "".join(passages) == text
    assert all(len(passage) <= 402 for passage in passages)


@pytest.mark.parametrize("text", ["", "   ", "\n", "...", "—", "\0", "\ud800"])
async def test_nothing_to_say_is_silence(tts, text):
    """A text without anything speakable yields nothing and does not fail."""
    assert await contract.drain(tts.open_voice("nova").stream(text)) == []


async def test_a_voice_of_its_own_for_every_openai_name(tts):
    """Clients written for OpenAI's voice names get voices that can be told apart."""
    assert set(tts.voices) == OPENAI_NAMES
    assert len(set(VOICES.values())) == len(VOICES)


def test_unknown_names_keep_their_voice():
    """A character with a name of one's own sounds the same after a restart, and differently from others."""
    assert voice_named("barbossa") == EspeakVoice("f2", pitch=69, rate_wpm=161, expression=46)
    assert len({voice_named(f"somebody {number}") for number in range(50)}) == 50


async def test_every_variant_exists(tts):
    """Every voice that can be chosen is one that espeak has, in every language it can be asked for."""
    for variant in OTHER_VARIANTS:
        espeak().speak("a", EspeakVoice(variant), lambda piece: None)
    for name in ("zh_mei", "anna_de", "juan_es", "fr_marie", "luca_it", "pt_ana", "ja_yuki", "ko_min", "ru_ivan"):
        assert await contract.drain(tts.open_voice(name).stream("a e i o u"))


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Hello 你好", None),
        ("你好，今天", "cmn"),
        ("今日はいい天気", "ja"),
        ("Привет мир", "ru"),
        ("안녕", "ko"),
        ("1234", None),
    ],
)
async def test_speaks_the_language_of_the_script(tts, text, language):
    """Text that is plainly not English is spoken in its own language by any voice."""
    assert language_of(text) == language
    assert await contract.drain(tts.open_voice("nova").stream(text))


async def test_a_name_can_carry_a_language():
    """A voice name with a language at either end speaks that language."""
    assert voice_named("zh_mei").language == "cmn"
    assert voice_named("anna_de").language == "de"
    assert voice_named("anna").language == "en-us"


async def test_a_voice_espeak_lacks_is_an_engine_error():
    """A failure of the library reaches the consumer as an `EngineError`, and the library works afterwards."""
    with pytest.raises(EngineError):
        espeak().speak("Hello.", EspeakVoice("no-such-variant", language="no-such-language"), lambda piece: None)
    pieces: list[Piece] = []
    espeak().speak("Hello.", VOICES["nova"], pieces.append)
    assert pieces


async def test_what_put_raises_stops_espeak():
    """An error in the receiver of the audio ends the synthesis at its first piece and is not swallowed."""
    calls: list[Piece] = []

    def refuse(piece: Piece) -> None:
        calls.append(piece)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        espeak().speak(LONG, VOICES["nova"], refuse)
    assert len(calls) == 1


async def test_is_an_engine_error_before_and_after_its_time():
    """A voice that outlives the engine fails as the contract says."""
    engine = OfflineTextToSpeech()
    voice = engine.open_voice("nova")
    await contract.fails_with("tts", voice.stream("Hello."))
    async with engine:
        assert engine.ready
        assert await contract.drain(voice.stream("Hello."))
    assert not engine.ready
    await contract.fails_with("tts", voice.stream("Hello."))
