"""One turn: what the person said, answered by one or more characters, as a single scope of concurrent work.

Cancelling the task that runs a turn is the interrupt. The queues are locals of the turn, so nothing has to be flushed,
and when the task has ended every engine stream of the turn is closed.
"""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import anyio

from backend.director import choose_next
from backend.events import Outcome, ReplyDone, TurnDone, TurnStarted
from backend.heard import SpeechRate, SpokenReply
from backend.ledger import Ledger
from backend.lines import ReplyLine
from backend.pipelines.echo import ALIKE, EchoReference
from backend.pipelines.llm import SENTENCES_AHEAD, LLMPipeline, ReplyWritten, VoiceItem
from backend.pipelines.sender import Sender
from backend.pipelines.tts import CHUNKS_AHEAD, AudioItem, TTSPipeline, Voices
from backend.playback import Playback
from backend.reply import Reply

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence
    from random import Random

    from anyio.streams.memory import MemoryObjectReceiveStream

    from backend.characters import Character
    from backend.conversation import Conversation
    from backend.engines.interfaces import Generation, Writer
    from backend.events import Event
    from backend.ledger import LedgerEntry
    from backend.prompting.situation import Situation
    from backend.utterance import Utterance


UNNOTICED_S = 1.0
"""How long a connection may have been broken before anybody notices."""


@dataclass(frozen=True, slots=True)
class Stage:
    """What a turn works with."""

    conversation: Conversation
    situation: Situation
    writer: Callable[[Character], Writer]
    """Who writes a character's replies."""
    generation: Generation
    voices: Voices
    output_rate_hz: int
    ahead_s: float
    """How much unheard audio the listener may hold."""
    speed: float
    """How fast replies are spoken."""
    emit: Callable[[Event], Awaitable[None]]
    clock: Callable[[], float]
    account: Callable[[int, LedgerEntry, Outcome], None]
    """Told of every reply's account (turn number, entry, outcome) when its turn is over."""
    written: Callable[[], None]
    """Told when all replies are written, and only heard still."""
    chance: Random
    """What is drawn of who goes on."""
    lines_among_themselves: int = 0
    """How many lines the characters may add to their replies, talking among themselves."""

    @property
    def aloud(self) -> bool:
        """Whether replies are spoken, or only written."""
        return self.situation.aloud


class Turn:
    """Turn number `number` of a session: what was said until `said_until`, answered by `speakers` in order. If they go
    on among themselves, there are more replies than speakers."""

    def __init__(self, number: int, said_until: float, speakers: Sequence[Character], stage: Stage) -> None:
        self.number = number
        self.speakers = tuple(speakers)
        self._said_until = said_until
        self._decided: Utterance | None = None
        self._all_written = False
        self._stage = stage
        self._playback = Playback(stage.output_rate_hz, stage.clock)
        self._reference = EchoReference(stage.output_rate_hz)
        self._replies = [self._prepare(index, character) for index, character in enumerate(speakers)]

    @property
    def lines(self) -> list[ReplyLine]:
        """What was said in it, heard or not."""
        return [reply.line for reply in self._replies if reply.begun]

    @property
    def replies_begun(self) -> int:
        """For how many replies the language model has been asked."""
        return sum(reply.begun for reply in self._replies)

    def _prepare(self, index: int, character: Character) -> Reply:
        ledger = Ledger(index, self._said_until)
        if self._decided is not None:
            _mark_decided(ledger, self._decided)
        rate = self._stage.voices.of(character).speech_rate if self._stage.aloud else SpeechRate()
        spoken = SpokenReply(self._stage.output_rate_hz, rate)
        line = ReplyLine(character, spoken=spoken if self._stage.aloud else None)
        return Reply(self.number, index, line, spoken, ledger)

    @property
    def all_sent(self) -> bool:
        """Whether the listener has everything, heard or not."""
        return self._all_written and all(reply.sent for reply in self._replies)

    def has(self, line: ReplyLine) -> bool:
        """Whether it is a reply of this turn that is not over."""
        return line.outcome is None and any(reply.line is line for reply in self._replies)

    def decided(self, utterance: Utterance, request: str = "") -> TurnStarted:
        """It is certain what was said; returns what tells the client who answers."""
        self._decided = utterance
        for reply in self._replies:
            _mark_decided(reply.ledger, utterance)
        speakers = tuple(character.id for character in self.speakers)
        return TurnStarted(self.number, utterance.text, utterance.source, speakers, request)

    @property
    def speaker(self) -> Character:
        """Who is being heard, or will be first."""
        return (self.being_heard() or self._replies[0]).character

    def being_heard(self) -> Reply | None:
        """The reply the listener is hearing, or would be if its sender kept up; `None` before any sound was sent."""
        index = self._playback.playing
        return None if index is None else self._replies[index]

    def echoes_in(self, microphone: bytes) -> bool:
        """Whether the end of `microphone` (PCM16LE mono 16 kHz) is what the listener hears of this turn."""
        return self._reference.likeness(microphone, self._playback.position) >= ALIKE

    async def run(self) -> None:
        """Answer until the last reply has been heard, or read. Raises an exception group with `EngineError` when one
        fails."""
        stage = self._stage
        to_voice, sentences = anyio.create_memory_object_stream[VoiceItem](SENTENCES_AHEAD)
        writer = LLMPipeline(
            stage.writer, stage.generation, stage.conversation, stage.situation, stage.emit, stage.clock
        )
        async with asyncio.TaskGroup() as group:
            group.create_task(writer.run(self._in_turn(), to_voice))
            if stage.aloud:
                self._speak(sentences, group)
            else:
                group.create_task(self._read(sentences))

    def _in_turn(self) -> Iterator[Reply]:
        """The replies in order, those included that follow from what was written."""
        yield from tuple(self._replies)
        stage = self._stage
        for _ in range(stage.lines_among_themselves):
            following = choose_next(self._replies[-1].line, stage.situation.cast, stage.chance)
            if following is None:
                break
            self._replies.append(self._prepare(len(self._replies), following))
            yield self._replies[-1]
        self._all_written = True
        stage.written()

    def _speak(self, sentences: MemoryObjectReceiveStream[VoiceItem], group: asyncio.TaskGroup) -> None:
        stage = self._stage
        to_send, audio = anyio.create_memory_object_stream[AudioItem](CHUNKS_AHEAD)
        to_hear, voiced = anyio.create_memory_object_stream[Reply](math.inf)
        speaker = TTSPipeline(stage.voices, stage.output_rate_hz, stage.speed, stage.emit, stage.clock)
        sender = Sender(self._playback, self._reference, stage.output_rate_hz, stage.ahead_s, stage.emit, stage.clock)
        group.create_task(speaker.run(sentences, to_send))
        group.create_task(sender.run(audio, to_hear))
        group.create_task(self._listen(voiced))

    async def _listen(self, voiced: MemoryObjectReceiveStream[Reply]) -> None:
        """Announce each reply's end once it has been heard."""
        async with voiced:
            async for reply in voiced:
                await self._playback.heard_all(reply.index)
                self._close(reply, Outcome.COMPLETED)
                await self._announce(reply)

    async def _read(self, written: MemoryObjectReceiveStream[VoiceItem]) -> None:
        """Announce the end of replies that are not spoken: what is written is read."""
        async with written:
            async for item in written:
                if isinstance(item, ReplyWritten):
                    item.reply.sent = True
                    self._close(item.reply, Outcome.COMPLETED)
                    await self._announce(item.reply)

    async def finish(self, outcome: Outcome) -> None:
        """After the task has ended: announce what is still open, then the turn. `outcome` is that of the open replies
        and of the turn."""
        for reply in self._replies:
            if reply.begun and reply.line.outcome is None:
                reply.ledger.cancelled(self._stage.clock())
                self._close(reply, outcome)
        for reply in self._replies:
            if reply.begun and not reply.announced:
                await self._announce(reply)
        heard = [reply.character for reply in self._replies if reply.line.heard_text]
        if heard:
            self._stage.conversation.talking_with = heard[-1]
        ledger = tuple(self._entry(reply) for reply in self._replies if reply.begun)
        for reply, entry in zip(self._replies, ledger, strict=False):
            self._stage.account(self.number, entry, reply.line.outcome or outcome)
        await self._stage.emit(TurnDone(self.number, outcome, ledger))

    def position_reported(self, reply: int, samples: int) -> ReplyLine | None:
        """The listener has heard this much of a reply. Still counts after an interrupt: players report where they
        stopped, and memory keeps what was heard. Returns the line that was corrected thereby."""
        if reply >= len(self._replies):
            return None
        self._playback.report(reply, samples)
        cut = self._replies[reply]
        if cut.line.outcome not in (Outcome.INTERRUPTED, Outcome.FAILED):
            return None
        before, cut.line.heard_text = cut.line.heard_text, cut.spoken.heard_text(cut.line.text, samples)
        return cut.line if cut.line.heard_text != before else None

    def reached(self, *, reports: bool) -> tuple[int, int] | None:
        """How far the listener has come for certain: a reply, and samples of it. `reports`: whether it tells."""
        if self._playback.reported is not None:
            return self._playback.reported
        reached = self._playback.reached(UNNOTICED_S)
        return (0, 0) if reports and reached is not None else reached

    def listener_left(self, *, reports: bool) -> None:
        """Nobody is there to hear it; it waits where it was."""
        self._playback.hold(*(self.reached(reports=reports) or (0, 0)))

    def listener_back(self) -> None:
        """It goes on to be heard."""
        self._playback.release()

    def _close(self, reply: Reply, outcome: Outcome) -> None:
        line = reply.line
        if outcome is Outcome.COMPLETED or line.spoken is None:
            line.heard_text = line.text
        else:
            line.heard_text = line.spoken.heard_text(line.text, self._playback.heard(reply.index))
        line.outcome = outcome

    async def _announce(self, reply: Reply) -> None:
        line = reply.line
        assert line.outcome is not None
        heard = self._playback.heard(reply.index)
        await self._stage.emit(
            ReplyDone(self.number, reply.index, line.id, line.outcome, line.text, line.heard_text, heard)
        )
        reply.announced = True

    def _entry(self, reply: Reply) -> LedgerEntry:
        first_heard_at = self._playback.first_heard_at(reply.index)
        if first_heard_at is not None:
            reply.ledger.mark("first_sample_played", first_heard_at)
        audio_s = self._playback.sent_samples(reply.index) / self._stage.output_rate_hz
        return reply.ledger.entry(audio_s, self._playback.underruns(reply.index))


def _mark_decided(ledger: Ledger, utterance: Utterance) -> None:
    """It was certain then what was said."""
    ledger.mark("turn_decided", utterance.decided_at)
    ledger.mark("transcript_final", utterance.transcribed_at)
    ledger.transcribed_ahead_s = utterance.ahead_s
