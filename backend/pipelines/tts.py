"""The TTS pipeline: each sentence is spoken by its character's own voice generator, which lives across turns."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from backend.audio import Resampler, sample_count
from backend.events import ReplyWords
from backend.heard import SpeechRate
from backend.pipelines.llm import ReplyWritten, SentenceItem
from backend.time_stretch import TimeStretch

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

    from backend.characters import Character
    from backend.engines.interfaces import TextToSpeech, VoiceGenerator
    from backend.events import Event
    from backend.heard import SpokenSentence
    from backend.reply import Reply

CHUNKS_AHEAD = 16
"""Pieces of speech made but not yet sent."""


@dataclass(frozen=True, slots=True)
class AudioChunkItem:
    """A piece of a sentence's speech at the output rate."""

    reply: Reply
    sentence_index: int
    pcm: bytes


@dataclass(frozen=True, slots=True)
class SentenceVoiced:
    """No further audio of this sentence follows."""

    reply: Reply
    sentence_index: int


@dataclass(frozen=True, slots=True)
class ReplyVoiced:
    """No further audio of this reply follows."""

    reply: Reply


AudioItem = AudioChunkItem | SentenceVoiced | ReplyVoiced


@dataclass(slots=True)
class CharacterVoice:
    """A character's generator and how fast it turned out to speak."""

    voice: str
    generator: VoiceGenerator
    speech_rate: SpeechRate = field(default_factory=SpeechRate)


class Voices:
    """The voices of one session: one per character, opened at its first line and kept."""

    def __init__(self, tts: TextToSpeech) -> None:
        self.tts = tts
        self._voices: dict[str, CharacterVoice] = {}

    def of(self, character: Character) -> CharacterVoice:
        """The character's voice; a new one when the character was given another voice."""
        known = self._voices.get(character.id)
        if known is None or known.voice != character.voice:
            known = CharacterVoice(character.voice, self.tts.open_voice(character.voice))
            self._voices[character.id] = known
        return known

    def keep_only(self, cast: tuple[Character, ...]) -> None:
        """Let go of the voices of characters that have left the cast."""
        present = {character.id for character in cast}
        self._voices = {id_: voice for id_, voice in self._voices.items() if id_ in present}


@dataclass(frozen=True, slots=True)
class TTSPipeline:
    """Speaks the sentences of one turn."""

    voices: Voices
    output_rate_hz: int
    speed: float
    emit: Callable[[Event], Awaitable[None]]
    clock: Callable[[], float]

    async def run(
        self,
        sentences: MemoryObjectReceiveStream[SentenceItem | ReplyWritten],
        audio: MemoryObjectSendStream[AudioItem],
    ) -> None:
        """Speak each sentence in turn. Raises `EngineError("tts", ...)`."""
        async with audio, sentences:
            async for item in sentences:
                match item:
                    case SentenceItem():
                        await self._speak(item, audio)
                    case ReplyWritten(reply):
                        await audio.send(ReplyVoiced(reply))

    async def _speak(self, item: SentenceItem, audio: MemoryObjectSendStream[AudioItem]) -> None:
        reply, voice = item.reply, self.voices.of(item.reply.character)
        resampler = Resampler(self.voices.tts.sample_rate_hz, self.output_rate_hz)
        stretch = TimeStretch(self.output_rate_hz, self.speed)
        scale = self.output_rate_hz / self.voices.tts.sample_rate_hz / self.speed
        sentence = reply.spoken.begin_sentence(item.start, item.end, item.spoken)
        reply.ledger.mark("tts_request", self.clock())
        worked_from = self.clock()
        told_samples = 0
        async with aclosing(voice.generator.stream(item.spoken)) as pieces:
            async for piece in pieces:
                now = self.clock()
                reply.ledger.mark("tts_first_audio", now)
                reply.ledger.voice_worked(now - worked_from)
                sentence.marks.extend((mark.offset, int(mark.sample * scale)) for mark in piece.marks)
                await self._pass_on(item, sentence, stretch.feed(resampler.feed(piece.pcm)), audio)
                if sentence.samples > 2 * told_samples:
                    told_samples = sentence.samples
                    await self._tell_words(item, sentence)
                worked_from = self.clock()
        await self._pass_on(item, sentence, stretch.feed(resampler.finish()) + stretch.finish(), audio)
        reply.spoken.complete_sentence(sentence)
        await self._tell_words(item, sentence)
        await audio.send(SentenceVoiced(reply, item.sentence_index))

    async def _pass_on(
        self, item: SentenceItem, sentence: SpokenSentence, pcm: bytes, audio: MemoryObjectSendStream[AudioItem]
    ) -> None:
        if pcm:
            sentence.samples += sample_count(pcm)
            await audio.send(AudioChunkItem(item.reply, item.sentence_index, pcm))

    async def _tell_words(self, item: SentenceItem, sentence: SpokenSentence) -> None:
        reply = item.reply
        words = reply.spoken.words(reply.line.text, sentence)
        await self.emit(ReplyWords(reply.turn, reply.index, item.sentence_index, tuple(words)))
