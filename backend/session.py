"""A session: one person, one cast, one mailbox, one loop.

Everything that happens comes through the mailbox and is handled in order by one task. At most one turn is alive; it
runs as a task of its own, and cancelling that task is the interrupt. Knows nothing of sockets or wire formats.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from uuid import uuid4

from backend import commands, events
from backend.cast import deal_voices
from backend.cues import Cues
from backend.editing import Editing
from backend.engines.interfaces import Hints
from backend.errors import InvalidRequest, NotFound
from backend.floor import Floor
from backend.listening import Listening
from backend.mailbox import Mailbox
from backend.pipelines.hearing_events import HearingFailed
from backend.pipelines.stt import STTPipeline
from backend.resume_tokens import new_token
from backend.utterance import Utterance

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

    from backend.characters import Character
    from backend.commands import Command
    from backend.conversation import Conversation
    from backend.events import Event
    from backend.lines import Line, Summary
    from backend.pipelines.hearing_events import HearingEvent
    from backend.session_settings import Engines, SessionSettings
    from backend.turn import Turn
    from backend.turns import Figures

_CAPTIONS = (events.ReplyText, events.ReplySentence, events.ReplyWords)
"""What a client without captions is not told."""


@dataclass(frozen=True, slots=True)
class _TurnEnded:
    """The turn's task is over; `error` is what ended it early."""

    turn: Turn
    error: BaseException | None


class Session:
    """`emit` sends an event to the client; `figures` accounts for turns."""

    def __init__(
        self,
        engines: Engines,
        settings: SessionSettings,
        emit: Callable[[Event], Awaitable[None]],
        figures: Figures,
        clock: Callable[[], float] = time.monotonic,
        resume_token: str | None = None,
    ) -> None:
        self.id = f"sess_{uuid4().hex[:16]}"
        self.resume_token = resume_token or new_token()
        self._engines = engines
        self._settings = replace(settings, cast=deal_voices(settings.cast, engines.tts.voices))
        self._emit_all = emit
        self._clock = clock
        self._waiting: list[tuple[Command, float]] = []
        """What must not overtake an utterance that is still being understood."""
        self._mailbox: Mailbox[tuple[Command | HearingEvent | _TurnEnded, float]] = Mailbox()
        self._floor = Floor(self.id, engines, self._settings, self._emit, self._turn_ended, figures, clock)
        self._brought: set[str] = set()
        """Ids of characters that the client has brought itself."""
        self._hearing = STTPipeline(
            engines.stt, engines.vad.open(), self._note, clock, self._follows_voice, engines.turn_model
        )
        self._cues = Cues(self._floor, clock)
        self._editing = Editing(self._floor, self._emit)
        self._listening = Listening(self.id, self._floor, self._emit, engines.stt, self._hearing.recent)
        self._apply_settings()

    @property
    def conversation(self) -> Conversation:
        """What was said so far."""
        return self._floor.conversation

    @property
    def settings(self) -> SessionSettings:
        """What is in force."""
        return self._settings

    @property
    def answering(self) -> bool:
        """Whether a turn is alive."""
        return self._floor.taken

    @property
    def reached(self) -> tuple[int, int, int] | None:
        """How far the client has heard for certain: a turn, a reply of it, and samples of that."""
        return self._floor.reached

    def go_on(
        self, conversation: str, lines: Iterable[Line], summary: Summary | None, change: commands.Configure
    ) -> None:
        """Take up the conversation of that id, which has come to these lines and was set so. Before anything else."""
        self.conversation.restore(conversation, lines, summary)
        self._change(change)

    def note(self, command: commands.Interrupt | commands.Leave | commands.Return | commands.ShowEngines) -> None:
        """Take a command that comes from the server and not from the client: it need not wait for room."""
        self._note(command)

    @property
    def known_characters(self) -> Mapping[str, Character]:
        """Characters a client can name by id: those stored by now, those it has brought itself, and who is here."""
        stored = self._settings.stored
        own = {one.id: one for one in self._settings.cast if one.id in self._brought or one.id not in stored}
        return {**stored, **own} if own else stored

    async def receive(self, command: Command) -> None:
        """Take a command from the client. Audio goes straight to hearing, whose conclusions come by mail."""
        match command:
            case commands.Microphone(pcm):
                self._hearing.feed(pcm)
            case commands.Commit():
                self._hearing.commit()
            case commands.DiscardAudio():
                self._hearing.discard()
            case _:
                await self._mailbox.post((command, self._clock()))

    async def run(self) -> None:
        """Live until cancelled. When this returns, no engine works for this session any more."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._hearing.run())
            try:
                await self._emit(self.ready())
                while True:
                    item, at = await self._mailbox.take()
                    await self._handle(item, at)
            finally:
                await self._floor.stop()

    async def _handle(self, item: Command | HearingEvent | _TurnEnded, at: float) -> None:  # noqa: C901, PLR0912
        match item:
            case commands.Say(text, to):
                await self._typed(text, to, at)
            case commands.Interrupt(turn):
                await self._floor.interrupt(turn)
                await self._listening.turn_over()
            case commands.Respond() | commands.AddLine() if self._hearing.undecided:
                self._waiting.append((item, at))
            case commands.Respond():
                await self._try(self._cues.respond(item), item.request)
            case commands.AddLine() | commands.RemoveLine() | commands.ShowLine() | commands.TruncateLine():
                await self._try(self._editing.make(item), item.request or "", item)
            case commands.PlaybackPosition(turn, reply, samples):
                corrected = self._floor.position_reported(turn, reply, samples)
                if corrected is not None:
                    await self._emit(events.HeardCorrected(corrected.id))
            case commands.Leave():
                self._floor.listener_left()
            case commands.Return():
                self._floor.listener_back()
            case commands.ShowEngines():
                await self._emit(events.EnginesChanged(self._engines.describe()))
            case commands.Configure():
                await self._configure(item)
            case commands.Greet():
                await self._try(self._cues.greet(item), "")
            case commands.Regenerate(to):
                await self._try(self._cues.regenerate(to), "")
            case commands.ClearConversation():
                await self._floor.clear()
                await self._emit(events.ConversationCleared())
            case commands.Ping(nonce):
                await self._emit(events.Pong(nonce))
            case _TurnEnded(turn, error):
                await self._floor.turn_ended(turn, error)
                await self._listening.turn_over()
            case commands.Microphone() | commands.Commit() | commands.DiscardAudio():
                raise AssertionError("audio does not go through the mailbox")
            case _:
                await self._listening.hear(item)
                if isinstance(item, Utterance | HearingFailed):
                    self._hearing.known(item.line)
                    await self._go_on()

    async def _go_on(self) -> None:
        """It is known what the person said: do what was wanted after they had said it."""
        waiting, self._waiting = self._waiting, []
        for item, at in waiting:
            await self._handle(item, at)

    async def _try(self, doing: Awaitable[None], request: str, edit: commands.Edit | None = None) -> None:
        """Do what the client wants, or say why not."""
        try:
            await doing
        except (InvalidRequest, NotFound) as error:
            details = {"param": error.param} if error.param else None
            await self._emit(events.ErrorRaised(error.code, str(error), details, request=request, edit=edit))

    async def _typed(self, text: str, to: tuple[str, ...], at: float) -> None:
        if await self._knows(to, self._settings):
            now = self._clock()
            await self._floor.answer(Utterance(text, "text", at, now, now, to))

    async def _knows(self, ids: tuple[str, ...], settings: SessionSettings) -> bool:
        """Whether they are all in the cast; the client is told of one that is not."""
        strangers = sorted(set(ids) - {character.id for character in settings.cast})
        if strangers:
            error = InvalidRequest(f"nobody in the cast has the id {strangers[0]!r}")
            await self._emit(events.ErrorRaised(error.code, str(error)))
        return not strangers

    async def _configure(self, change: commands.Configure) -> None:
        changed = self._settings.changed(change, self._engines.tts.voices)
        if not await self._knows(change.to or (), changed):
            return
        await self._floor.forget_guess()
        self._change(change)
        await self._emit(self.ready())

    def _change(self, change: commands.Configure) -> None:
        self._settings = self._settings.changed(change, self._engines.tts.voices)
        if change.cast is not None:
            self._brought = {one.id for one in change.cast if self._settings.stored.get(one.id) != one}
        self.conversation.user_name = change.user_name or self.conversation.user_name
        self._apply_settings()

    def _apply_settings(self) -> None:
        self._floor.settings = self._settings
        self._floor.voices.keep_only(self._settings.cast)
        self._hearing.settings = self._settings.turn
        self._listening.answers = self._settings.answers
        names = tuple(character.name for character in self._settings.cast)
        self._hearing.hints = Hints(names, self._settings.turn.language)

    def _follows_voice(self) -> bool:
        """Whether it matters at once that the person goes on speaking."""
        return self._floor.taken or self._floor.guessing

    def _turn_ended(self, turn: Turn, error: BaseException | None) -> None:
        self._note(_TurnEnded(turn, error))

    def _note(self, item: Command | HearingEvent | _TurnEnded) -> None:
        self._mailbox.note((item, self._clock()))

    async def _emit(self, event: Event) -> None:
        if self._settings.captions or not isinstance(event, _CAPTIONS):
            await self._emit_all(event)

    def ready(self) -> events.SessionReady:
        """The session and the configuration in force."""
        return events.SessionReady(
            session=self.id,
            resume_token=self.resume_token,
            conversation=self._floor.conversation.id,
            output_rate=self._settings.output_rate,
            engines=self._engines.describe(),
            characters=self._settings.cast,
        )
