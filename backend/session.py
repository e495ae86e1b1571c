"""A session: one person, one cast, one mailbox, one loop.

Everything that happens comes through the mailbox and is handled in order by one task. At most one turn is alive; it
runs as a task of its own, and cancelling that task is the interrupt. Knows nothing of sockets or wire formats.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING
from uuid import uuid4

from backend import events
from backend.cast import deal_voices
from backend.conversation import Conversation
from backend.director import choose_speakers
from backend.errors import EngineError, InvalidRequest
from backend.events import Outcome
from backend.mailbox import Mailbox
from backend.pipelines.stt import BargeIn, HearingEvent, HearingFailed, STTPipeline
from backend.pipelines.tts import Voices
from backend.turn import Stage, Turn
from backend.utterance import Utterance

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from backend.conversation import Character
    from backend.engines.interfaces import Generation, LanguageModel, SpeechToText, TextToSpeech
    from backend.engines.silero import SileroVad
    from backend.events import Command, Event
    from backend.ledger import LedgerEntry
    from backend.pipelines.turn_detection import TurnSettings

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Engines:
    """What all sessions share."""

    stt: SpeechToText
    llm: LanguageModel
    tts: TextToSpeech
    vad: SileroVad

    def describe(self) -> Mapping[str, Mapping[str, object]]:
        """Which engine serves each stage, for people."""
        stages = {"stt": self.stt, "llm": self.llm, "tts": self.tts}
        return {
            stage: {
                "name": engine.name,
                "stand_in": engine.stand_in,
                "ready": engine.ready,
                "detail": engine.detail,
            }
            for stage, engine in stages.items()
        }


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """What a session starts with; `events.Configure` changes it."""

    cast: tuple[Character, ...]
    turn: TurnSettings
    generation: Generation
    output_rate: events.OutputRate = 24000
    captions: bool = True


@dataclass(frozen=True, slots=True)
class _TurnEnded:
    """The turn's task is over; `error` is what ended it early."""

    turn: Turn
    error: BaseException | None


class Session:
    """`emit` sends an event to the client; `account` is told of every reply's ledger entry."""

    def __init__(
        self,
        engines: Engines,
        settings: SessionSettings,
        emit: Callable[[Event], Awaitable[None]],
        account: Callable[[str, int, LedgerEntry, Outcome], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.id = f"sess_{uuid4().hex[:16]}"
        self.resume_token = secrets.token_urlsafe(24)
        self._engines = engines
        self._settings = replace(settings, cast=deal_voices(settings.cast, engines.tts.voices))
        self._emit_all = emit
        self._account = account
        self._clock = clock
        self._mailbox: Mailbox[tuple[Command | HearingEvent | _TurnEnded, float]] = Mailbox()
        self._conversation = Conversation()
        self._voices = Voices(engines.tts)
        self._server_cast = {character.id: character for character in settings.cast}
        self.known_characters = self._server_cast
        """Characters a client can name by id: the server's and those it has brought itself."""
        self._hearing = STTPipeline(engines.stt, engines.vad.open(), self._note, clock)
        self._hearing.settings = settings.turn
        self._turns = 0
        self._turn: Turn | None = None
        self._task: asyncio.Task[None] | None = None

    async def receive(self, command: Command) -> None:
        """Take a command from the client. Audio goes straight to hearing, whose conclusions come by mail."""
        match command:
            case events.Microphone(pcm):
                self._hearing.feed(pcm)
            case events.Commit():
                self._hearing.commit()
            case _:
                await self._mailbox.post((command, self._clock()))

    async def run(self) -> None:
        """Live until cancelled. When this returns, no engine works for this session any more."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._hearing.run())
            try:
                await self._emit(self._ready())
                while True:
                    item, at = await self._mailbox.take()
                    await self._handle(item, at)
            finally:
                await self._stop_task()

    async def _handle(self, item: Command | HearingEvent | _TurnEnded, at: float) -> None:  # noqa: C901, PLR0912
        match item:
            case events.Say(text, to):
                await self._typed(text, to, at)
            case Utterance():
                await self._emit(events.TranscriptFinal(item.text))
                if item.text:
                    await self._answer(item)
            case events.Interrupt() | BargeIn():
                await self.interrupt()
            case events.PlaybackPosition(turn, reply, samples):
                if self._turn is not None and turn == self._turn.number:
                    self._turn.position_reported(reply, samples)
            case events.Configure():
                await self._configure(item)
            case events.Regenerate():
                await self._regenerate(at)
            case events.ClearConversation():
                await self.interrupt()
                self._conversation.clear()
            case events.Ping(nonce):
                await self._emit(events.Pong(nonce))
            case HearingFailed(error):
                await self._emit(events.ErrorRaised(error.wire_code, str(error)))
            case _TurnEnded(turn, error):
                await self._turn_ended(turn, error)
            case events.SpeechStarted() | events.SpeechStopped() | events.TranscriptPartial():
                await self._emit(item)
            case events.Microphone() | events.Commit():
                raise AssertionError("audio does not go through the mailbox")

    async def _typed(self, text: str, to: tuple[str, ...], at: float) -> None:
        strangers = sorted(set(to) - {character.id for character in self._settings.cast})
        if strangers:
            error = InvalidRequest(f"nobody in the cast has the id {strangers[0]!r}")
            await self._emit(events.ErrorRaised(error.code, str(error)))
            return
        now = self._clock()
        await self._answer(Utterance(text, "text", at, now, now, to))

    async def interrupt(self) -> None:
        """Stop the current turn. When this returns its engines have stopped and its end has been announced."""
        task, turn = self._task, self._turn
        if task is None or turn is None:
            return
        await self._stop_task()
        if task.cancelled():
            await turn.finish(Outcome.INTERRUPTED)
        else:
            await self._turn_over(turn, task.exception())

    async def _answer(self, utterance: Utterance, *, again: bool = False) -> None:
        await self.interrupt()
        if not again:
            self._conversation.add_person(utterance.text, utterance.to)
        settings, conversation = self._settings, self._conversation
        speakers = choose_speakers(utterance.text, settings.cast, conversation.talking_with, utterance.to)
        conversation.talking_with = speakers[0]
        stage = Stage(
            conversation=conversation,
            cast=settings.cast,
            llm=self._engines.llm,
            generation=settings.generation,
            voices=self._voices,
            output_rate_hz=settings.output_rate,
            emit=self._emit,
            clock=self._clock,
            account=partial(self._account, self.id),
        )
        self._turns += 1
        turn = self._turn = Turn(self._turns, utterance, speakers, stage)
        await turn.begin()
        self._task = asyncio.create_task(turn.run(), name=f"{self.id} turn {turn.number}")
        self._task.add_done_callback(lambda task: self._task_done(turn, task))

    def _task_done(self, turn: Turn, task: asyncio.Task[None]) -> None:
        if not task.cancelled():
            self._note(_TurnEnded(turn, task.exception()))

    async def _turn_ended(self, turn: Turn, error: BaseException | None) -> None:
        if turn is self._turn and self._task is not None:
            self._task = None
            await self._turn_over(turn, error)

    async def _turn_over(self, turn: Turn, error: BaseException | None) -> None:
        """The turn's task ended by itself."""
        if error is None:
            await turn.finish(Outcome.COMPLETED)
            return
        failure = _engine_error(error)
        if failure is None:
            raise error
        log.warning("turn failed", extra={"session": self.id, "turn": turn.number, "stage": failure.stage})
        await self._emit(events.ErrorRaised(failure.wire_code, str(failure), turn=turn.number))
        await turn.finish(Outcome.FAILED)

    async def _stop_task(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait((task,))

    async def _configure(self, change: events.Configure) -> None:
        old = self._settings
        self._settings = SessionSettings(
            cast=old.cast if change.cast is None else deal_voices(change.cast, self._engines.tts.voices),
            turn=old.turn.changed(change.silence_ms, change.eagerness, change.mode),
            generation=change.generation or old.generation,
            output_rate=change.output_rate or old.output_rate,
            captions=old.captions if change.captions is None else change.captions,
        )
        self._voices.keep_only(self._settings.cast)
        self.known_characters = self._server_cast | {character.id: character for character in self._settings.cast}
        self._conversation.user_name = change.user_name or self._conversation.user_name
        self._hearing.settings = self._settings.turn
        await self._emit(self._ready())

    async def _regenerate(self, at: float) -> None:
        await self.interrupt()
        line = self._conversation.take_back_replies()
        if line is None:
            error = InvalidRequest("there is nothing to answer again")
            await self._emit(events.ErrorRaised(error.code, str(error)))
        else:
            await self._answer(Utterance(line.text, "text", at, at, at, line.to), again=True)

    def _note(self, item: HearingEvent | _TurnEnded) -> None:
        self._mailbox.note((item, self._clock()))

    async def _emit(self, event: Event) -> None:
        if self._settings.captions or not isinstance(event, events.ReplyText | events.ReplySentence):
            await self._emit_all(event)

    def _ready(self) -> events.SessionReady:
        return events.SessionReady(
            session=self.id,
            resume_token=self.resume_token,
            conversation=self._conversation.id,
            output_rate=self._settings.output_rate,
            engines=self._engines.describe(),
            characters=self._settings.cast,
        )


def _engine_error(error: BaseException | None) -> EngineError | None:
    """The engine's failure behind whatever a task group made of it; `None` for anything that is a bug."""
    if isinstance(error, EngineError):
        return error
    if isinstance(error, BaseExceptionGroup):
        parts: tuple[BaseException, ...] = error.exceptions  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        found = [_engine_error(part) for part in parts]
        return found[0] if None not in found else None
    return None
