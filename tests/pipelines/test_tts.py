"""The TTS pipeline: sentences become audio at the output rate and the session's speed, with marks where words begin."""

from __future__ import annotations

import anyio
import pytest

from backend.audio import sample_count
from backend.heard import SpokenReply
from backend.ledger import Ledger
from backend.lines import ReplyLine
from backend.pipelines.llm import ReplyWritten, SentenceItem
from backend.pipelines.tts import AudioChunkItem, ReplyVoiced, SentenceVoiced, TTSPipeline, Voices
from backend.reply import Reply
from tests.scripted import CHARACTER_S, ScriptedTextToSpeech
from tests.sessions import MARA, THEO

pytestmark = pytest.mark.virtual_time

TEXT = "We sail at dawn. Are you coming along?"
SENTENCES = ((0, 16, "We sail at dawn."), (17, 38, "Are you coming along?"))


async def voice(rate_hz: int = 24_000, speed: float = 1.0, told=None):
    """(reply, audio items) of `TEXT` spoken at that rate and speed by a voice that marks its words; what clients are
    told goes to `told`."""

    async def emit(event):
        if told is not None:
            told.append(event)

    voices = Voices(ScriptedTextToSpeech(marks=True))
    spoken = SpokenReply(rate_hz, voices.of(MARA).speech_rate)
    reply = Reply(1, 0, ReplyLine(MARA, text=TEXT, spoken=spoken), spoken, Ledger(0, 0.0))
    to_voice, sentences = anyio.create_memory_object_stream(10)
    to_send, audio = anyio.create_memory_object_stream(1000)
    async with to_voice:
        for index, (start, end, text) in enumerate(SENTENCES):
            await to_voice.send(SentenceItem(reply, index, start, end, text))
        await to_voice.send(ReplyWritten(reply))
    await TTSPipeline(voices, rate_hz, speed, emit, lambda: 0.0).run(sentences, to_send)
    async with audio:
        return reply, [item async for item in audio]


@pytest.mark.parametrize("rate_hz", [16_000, 24_000, 48_000])
@pytest.mark.parametrize("speed", [0.25, 1.0, 1.25, 1.5])
async def test_speed_and_rate_scale_length_and_marks_alike(rate_hz, speed):
    """Each sentence lasts as long as at speed 1 divided by the speed, and each of its words begins at its share."""
    reply, audio = await voice(rate_hz, speed)
    for index, sentence in enumerate(reply.spoken.sentences):
        sent = sum(sample_count(i.pcm) for i in audio if isinstance(i, AudioChunkItem) and i.sentence_index == index)
        assert sent == sentence.samples == pytest.approx(len(sentence.spoken) * CHARACTER_S * rate_hz / speed, abs=2)
        begins = [offset for offset in range(len(sentence.spoken)) if (" " + sentence.spoken)[offset] == " "]
        assert sentence.marks == [
            (offset, pytest.approx(offset * CHARACTER_S * rate_hz / speed, abs=2)) for offset in begins
        ]


@pytest.mark.parametrize("speed", [0.5, 1.0, 1.5])
async def test_what_was_heard_is_told_at_any_speed(speed):
    """After half of the words half of the samples have been played, fast or slow."""
    reply, _ = await voice(speed=speed)
    first = reply.spoken.sentences[0]
    halfway = first.samples + int(len("Are you") * CHARACTER_S * 24_000 / speed)
    assert reply.spoken.heard_text(TEXT, halfway) == "We sail at dawn. Are you"
    assert reply.spoken.heard_text(TEXT, reply.spoken.samples) == TEXT


async def test_ends_are_told_after_the_audio():
    """Every sentence ends once, after its last piece, and then the reply."""
    _, audio = await voice(speed=1.25)
    kinds = [type(item) for item in audio]
    assert kinds.count(SentenceVoiced) == 2
    assert kinds[-2:] == [SentenceVoiced, ReplyVoiced]
    second = next(place for place, item in enumerate(audio) if getattr(item, "sentence_index", 0) == 1)
    assert kinds[second - 1] is SentenceVoiced


def test_a_character_keeps_its_voice():
    """The generator lives across turns, until the character is given another voice or leaves the cast."""
    voices = Voices(ScriptedTextToSpeech())
    first = voices.of(MARA)
    assert voices.of(MARA) is first
    assert voices.of(THEO) is not first
    voices.keep_only((MARA,))
    assert voices.of(MARA) is first


async def test_clients_are_told_when_which_word_is_heard():
    """What a client has been told of the words in the end is what the server goes by."""
    told = []
    reply, _ = await voice(told=told)
    last = {event.sentence: event.words for event in told}
    words = [word for sentence in sorted(last) for word in last[sentence]]
    assert [TEXT[word.start : word.end] for word in words] == TEXT.split()
    for samples in range(0, reply.spoken.samples + 1, 480):
        heard = [word.end for word in words if word.sample <= samples]
        assert reply.spoken.heard_text(TEXT, samples) == TEXT[: heard[-1] if heard else 0]


async def test_a_sentence_is_not_told_with_every_piece_of_it():
    """However many pieces a sentence comes in, its words are told as often as its length doubles, and at its end."""
    told = []
    _, items = await voice(told=told)
    pieces = [item for item in items if isinstance(item, AudioChunkItem)]
    assert 2 * len(SENTENCES) <= len(told) < len(pieces)
    assert {event.sentence for event in told} == {0, 1}
