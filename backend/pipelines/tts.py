"""The TTS pipeline: each sentence is spoken by its character's own voice generator, which lives across turns."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from backend.audio import Resampler, sample_count
from backend.engines.interfaces import SpeechLanguageModel
from backend.events import ReplyWords
from backend.heard import SpeechRate
from backend.pipelines.llm import ReplyWritten, SentenceItem
from backend.pipelines.own_speech import OwnSpeechItem
from backend.time_stretch import TimeStretch

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

    from backend.characters import Character
    from backend.engines.interfaces import TextToSpeech, VoiceGenerator, WordMark, Writer
    from backend.events import Event
    from backend.heard import SpokenSentence
    from backend.pipelines.llm import VoiceItem
    from backend.reply import Reply

CHUNKS_AHEAD = 16
"""Pieces of speech made but not yet sent."""

_TOLD_AGAIN = 1.5
"""How much longer a sentence must have become for its words to be told again."""


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
    """A character's generator and how fast it turned out to speak. `writer`: the voice as one that says what it writes,
    where it can."""

    voice: str
    generator: VoiceGenerator
    writer: Writer | None = None
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
            tts, name = self.tts, character.voice
            writer = tts.open_writer(name) if isinstance(tts, SpeechLanguageModel) else None
            known = CharacterVoice(name, tts.open_voice(name), writer)
            self._voices[character.id] = known
        return known

    def keep_only(self, cast: tuple[Character, ...]) -> None:
        """Let go of the voices of characters that have left the cast."""
        present = {character.id for character in cast}
        self._voices = {id_: voice for id_, voice in self._voices.items() if id_ in present}


@dataclass(frozen=True, slots=True)
class TTSPipeline:
    """Speaks the sentences of one turn, and passes on what writers speak themselves."""

    voices: Voices
    output_rate_hz: int
    speed: float
    emit: Callable[[Event], Awaitable[None]]
    clock: Callable[[], float]

    async def run(
        self, to_voice: MemoryObjectReceiveStream[VoiceItem], audio: MemoryObjectSendStream[AudioItem]
    ) -> None:
        """Speak each sentence in turn. Raises `EngineError("tts", ...)`."""
        own: _Rendering | None = None
        async with audio, to_voice:
            async for item in to_voice:
                match item:
                    case OwnSpeechItem(pcm=pcm):
                        own = own or self._begin(item, audio)
                        own.goes_on_to(item.end)
                        if pcm is None:
                            await own.finish()
                            own = None
                        else:
                            await own.take(pcm)
                    case SentenceItem():
                        await self._speak(item, audio)
                    case ReplyWritten(reply):
                        await audio.send(ReplyVoiced(reply))

    async def _speak(self, item: SentenceItem, audio: MemoryObjectSendStream[AudioItem]) -> None:
        reply, voice = item.reply, self.voices.of(item.reply.character)
        rendering = self._begin(item, audio)
        reply.ledger.mark("tts_request", self.clock())
        worked_from = self.clock()
        async with aclosing(voice.generator.stream(item.spoken)) as pieces:
            async for piece in pieces:
                now = self.clock()
                reply.ledger.mark("tts_first_audio", now)
                reply.ledger.voice_worked(now - worked_from)
                await rendering.take(piece.pcm, piece.marks)
                worked_from = self.clock()
        await rendering.finish()

    def _begin(self, item: SentenceItem | OwnSpeechItem, audio: MemoryObjectSendStream[AudioItem]) -> _Rendering:
        reply, rate_hz = item.reply, self.voices.tts.sample_rate_hz
        spoken = item.spoken if isinstance(item, SentenceItem) else reply.line.text[item.start : item.end]
        return _Rendering(
            reply,
            item.sentence_index,
            reply.spoken.begin_sentence(item.start, item.end, spoken),
            Resampler(rate_hz, self.output_rate_hz),
            TimeStretch(self.output_rate_hz, self.speed),
            self.output_rate_hz / rate_hz / self.speed,
            self.emit,
            audio,
        )


@dataclass(slots=True)
class _Rendering:
    """A sentence on its way from the voice's rate to the listener's rate and speed. `scale`: samples for each of the
    voice's."""

    reply: Reply
    sentence_index: int
    sentence: SpokenSentence
    resampler: Resampler
    stretch: TimeStretch
    scale: float
    emit: Callable[[Event], Awaitable[None]]
    audio: MemoryObjectSendStream[AudioItem]
    told_samples: int = 0

    def goes_on_to(self, end: int) -> None:
        """More of the text is in it than was known."""
        self.sentence.end = end
        self.sentence.spoken = self.reply.line.text[self.sentence.start : end]

    async def take(self, pcm: bytes, marks: tuple[WordMark, ...] = ()) -> None:
        """More of its speech."""
        self.sentence.marks.extend((mark.offset, int(mark.sample * self.scale)) for mark in marks)
        await self._pass_on(self.stretch.feed(self.resampler.feed(pcm)))
        if self.sentence.samples > _TOLD_AGAIN * self.told_samples:
            self.told_samples = self.sentence.samples
            await self._tell_words()

    async def finish(self) -> None:
        """That was all of it."""
        await self._pass_on(self.stretch.feed(self.resampler.finish()) + self.stretch.finish())
        self.reply.spoken.complete_sentence(self.sentence)
        await self._tell_words()
        await self.audio.send(SentenceVoiced(self.reply, self.sentence_index))

    async def _pass_on(self, pcm: bytes) -> None:
        if pcm:
            self.sentence.samples += sample_count(pcm)
            await self.audio.send(AudioChunkItem(self.reply, self.sentence_index, pcm))

    async def _tell_words(self) -> None:
        reply = self.reply
        words = reply.spoken.words(reply.line.text, self.sentence)
        await self.emit(ReplyWords(reply.turn, reply.index, self.sentence_index, tuple(words)))
