"""Replies whose writer speaks itself, through both pipelines of a turn, on virtual time."""

from __future__ import annotations

import asyncio

import anyio
import pytest

from backend import events
from backend.audio import sample_count
from backend.conversation import Conversation
from backend.engines.interfaces import Finish, Generation, OwnWords, Speech, SpeechOver, ToolCallPiece
from backend.heard import SpeechRate, SpokenReply
from backend.ledger import Ledger
from backend.lines import ReplyLine
from backend.pipelines.llm import LLMPipeline
from backend.pipelines.tts import AudioChunkItem, ReplyVoiced, SentenceVoiced, TTSPipeline, Voices
from backend.prompting.situation import Situation
from backend.reply import Reply
from tests.scripted import RATE_HZ, ScriptedLanguageModel, ScriptedTextToSpeech
from tests.sessions import MARA, THEO

pytestmark = pytest.mark.virtual_time

TOKEN_S = ScriptedLanguageModel().token_s
SECOND = Speech((1000).to_bytes(2, "little") * RATE_HZ)


def clock() -> float:
    return asyncio.get_running_loop().time()


async def speak(*pieces, rate_hz=RATE_HZ, speed=1.0):
    """(events, audio, reply) of what is written in these pieces, `TOKEN_S` apart."""
    told, conversation, tts = [], Conversation(), ScriptedTextToSpeech()

    async def emit(event) -> None:
        told.append(event)

    voices = Voices(tts)
    spoken = SpokenReply(rate_hz, SpeechRate())
    reply = Reply(1, 0, ReplyLine(MARA, "msg_1", spoken=spoken), spoken, Ledger(0, clock()))
    to_voice, to_speak = anyio.create_memory_object_stream(100)
    to_send, audio = anyio.create_memory_object_stream(1000)
    llm = ScriptedLanguageModel(pieces)
    cast = Situation((MARA, THEO))
    await LLMPipeline(lambda _: llm, Generation(), conversation, cast, emit, clock).run([reply], to_voice)
    await TTSPipeline(voices, rate_hz, speed, emit, clock).run(to_speak, to_send)
    assert llm.counts.live == 0
    async with audio:
        return told, [item async for item in audio], reply


def of(items, kind) -> list:
    return [item for item in items if isinstance(item, kind)]


@pytest.mark.parametrize(("rate_hz", "speed"), [(24_000, 1.0), (16_000, 1.0), (48_000, 1.5), (24_000, 0.5)])
async def test_the_reply_is_one_sentence_of_its_own_sound(rate_hz, speed):
    """What the writer says is passed on at the session's rate and speed, read out by nobody; its sentences are one."""
    pieces = [OwnWords("Good evening. "), SECOND, OwnWords("It is late."), SECOND, Finish()]
    told, audio, reply = await speak(*pieces, rate_hz=rate_hz, speed=speed)
    samples = sum(sample_count(item.pcm) for item in of(audio, AudioChunkItem))
    assert samples == pytest.approx(2 * rate_hz / speed, abs=rate_hz // 50)
    assert [event.text for event in of(told, events.ReplySentence)] == ["Good evening. It is late."]
    assert "".join(event.delta for event in of(told, events.ReplyText)) == "Good evening. It is late."
    assert [type(item) for item in audio[-2:]] == [SentenceVoiced, ReplyVoiced]
    [sentence] = reply.spoken.sentences
    assert (sentence.samples, sentence.complete) == (samples, True)
    assert reply.spoken.heard_text(reply.line.text, samples) == "Good evening. It is late."
    assert reply.spoken.heard_text(reply.line.text, samples // 2) == "Good evening."


async def test_what_is_known_of_its_words_grows():
    """Words are told with the sound there is; those written later are told once there is more."""
    told, _, reply = await speak(OwnWords("One two"), SECOND, OwnWords(" three four"), SECOND, SECOND)
    counts = [len(event.words) for event in of(told, events.ReplyWords)]
    assert counts == [2, 4, 4]
    last = of(told, events.ReplyWords)[-1].words
    assert [word.sample for word in last] == sorted(word.sample for word in last)
    assert last[-1].sample <= 3 * RATE_HZ
    assert reply.spoken.speech_rate.characters_per_s == len("One two three four") / 3


async def test_words_after_the_last_sound_are_part_of_it():
    """What is written when all has been said is heard with the rest."""
    told, _, reply = await speak(OwnWords("One"), SECOND, OwnWords(" two."), Finish())
    words = of(told, events.ReplyWords)[-1].words
    assert [reply.line.text[word.start : word.end] for word in words] == ["One", "two."]
    assert reply.spoken.heard_text(reply.line.text, RATE_HZ) == "One two."


async def test_the_account_of_it():
    """The marks are in order, the first sound is that of the first piece, and the work is the writer's."""
    _, _, reply = await speak(OwnWords("Good"), OwnWords(" evening."), SECOND, SECOND)
    entry = reply.ledger.entry(2.0, 0)
    marks = entry.marks
    assert marks["llm_first_token"] == marks["first_sentence"] == marks["tts_request"]
    assert marks["tts_first_audio"] - marks["llm_first_token"] == pytest.approx(2 * TOKEN_S, abs=1e-5)
    assert entry.rtf == pytest.approx((marks["llm_first_token"] + 3 * TOKEN_S) / 2, abs=1e-3)
    assert (entry.llm_tokens, entry.sentences) == (2, 1)


async def test_words_beside_the_speech_are_no_part_of_it():
    """They are shown, and remembered of a reply that was heard to its end."""
    told, _, reply = await speak(OwnWords("Aye."), SECOND, OwnWords(" (smiles)", heard=False))
    assert reply.line.text == "Aye. (smiles)"
    assert [event.text for event in of(told, events.ReplySentence)] == ["Aye."]
    assert [reply.line.text[word.start : word.end] for word in of(told, events.ReplyWords)[-1].words] == ["Aye."]


async def test_the_line_of_another_ends_it():
    """Where somebody else's line begins the writer is closed, and what was its own has been said."""
    theirs = OwnWords("\nTheo: No.", after=RATE_HZ)
    told, audio, reply = await speak(OwnWords("Mara: Aye."), theirs, SECOND, SECOND, SECOND)
    assert reply.line.text == "Aye."
    assert sum(sample_count(item.pcm) for item in of(audio, AudioChunkItem)) == RATE_HZ
    assert of(told, events.ReplyTextDone)


async def test_calls_among_the_speech():
    """Functions are called as ever."""
    told, audio, _ = await speak(OwnWords("Let me look."), SECOND, ToolCallPiece(0, "{}", "call_1", "look"), Finish())
    assert [event.line.name for event in of(told, events.CallDone)] == ["look"]
    assert isinstance(audio[-1], ReplyVoiced)


async def test_the_end_of_the_speech_is_not_waited_for():
    """When all has been said the sentence is over, whatever the writer still writes; it may speak again."""
    pieces = [OwnWords("Aye."), SECOND, SpeechOver(), OwnWords(" (smiles)", heard=False)]
    told, audio, reply = await speak(*pieces, OwnWords(" And so?"), SECOND, SpeechOver(), Finish())
    kinds = [type(item) for item in audio]
    assert kinds.count(SentenceVoiced) == 2
    assert kinds.index(SentenceVoiced) < len(kinds) - 3
    assert [(event.sentence, event.text) for event in of(told, events.ReplySentence)] == [(0, "Aye."), (1, " And so?")]
    said = next(place for place, event in enumerate(told) if isinstance(event, events.ReplySentence))
    assert any(isinstance(event, events.ReplyText) for event in told[said:])
    assert reply.line.text == "Aye. (smiles) And so?"


async def test_a_reply_that_begins_without_speech_is_read_out():
    """All of it, by the character's voice, and what is spoken then after all is not heard twice."""
    pieces = [OwnWords("\n", heard=False), OwnWords("I would rather", heard=False), OwnWords(" write. And")]
    told, audio, reply = await speak(*pieces, SECOND, OwnWords(" so on.", heard=False), SpeechOver(), Finish())
    assert reply.line.text == "\nI would rather write. And so on."
    assert [event.text for event in of(told, events.ReplySentence)] == ["I would rather write.", "And so on."]
    assert [(sentence.start, sentence.end) for sentence in reply.spoken.sentences] == [(1, 22), (23, 33)]
    assert [item.sentence_index for item in of(audio, SentenceVoiced)] == [0, 1]


async def test_a_line_break_before_the_speech_is_none():
    """White space is not read out, and keeps nobody from speaking."""
    told, audio, reply = await speak(OwnWords("\n", heard=False), OwnWords("Aye."), SECOND, Finish())
    assert sum(sample_count(item.pcm) for item in of(audio, AudioChunkItem)) == RATE_HZ
    assert [event.text for event in of(told, events.ReplySentence)] == ["Aye."]
    assert reply.spoken.heard_text(reply.line.text, RATE_HZ) == "\nAye."


async def test_speech_without_words():
    """A sigh is sent and heard; there is nothing to show."""
    told, audio, reply = await speak(SECOND, Finish())
    assert sum(sample_count(item.pcm) for item in of(audio, AudioChunkItem)) == RATE_HZ
    assert reply.spoken.heard_text(reply.line.text, RATE_HZ) == ""
    assert [event.text for event in of(told, events.ReplySentence)] == [""]
