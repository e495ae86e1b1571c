"""The cast's side of a session: the turn it is answering in, and the answer it may have begun on a guess.

At most one turn is alive; it runs as a task of its own, and cancelling that task is the interrupt. All methods are
called by the session's loop, one at a time. Knows nothing of microphones, sockets or wire formats.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Literal, Protocol

from backend.conversation import Conversation
from backend.director import choose_speakers
from backend.errors import ALREADY_SPEAKING, EngineError, InvalidRequest
from backend.events import ErrorRaised, Outcome
from backend.held_events import HeldEvents
from backend.pipelines.tts import Voices
from backend.speculation import Speculation
from backend.turn import Stage, Turn
from backend.utterance import Utterance

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from backend.commands import Respond
    from backend.events import Event
    from backend.ledger import LedgerEntry
    from backend.lines import Character, Line, PersonLine
    from backend.session import Engines, SessionSettings

log = logging.getLogger(__name__)


class Figures(Protocol):
    """Where turns are accounted for."""

    def account(self, session: str, turn: int, entry: LedgerEntry, outcome: Outcome) -> None:
        """A reply is over."""
        ...

    def speculated(self, outcome: Literal["kept", "dropped"], llm_calls: int) -> None:
        """This came of an answer begun on a guess, for which the language model was asked so often."""
        ...


class Floor:
    """Answers what the person says. `ended` is told of turns whose task has ended by itself."""

    def __init__(
        self,
        session: str,
        engines: Engines,
        settings: SessionSettings,
        emit: Callable[[Event], Awaitable[None]],
        ended: Callable[[Turn, BaseException | None], None],
        figures: Figures,
        clock: Callable[[], float],
    ) -> None:
        self.settings = settings
        self.conversation = Conversation()
        self.voices = Voices(engines.tts)
        self.turn: Turn | None = None
        """The newest turn, alive or not."""
        self._session = session
        self._engines = engines
        self._emit = emit
        self._ended = ended
        self._figures = figures
        self._clock = clock
        self._turns = 0
        self._asides = 0
        self._beside: dict[int, tuple[Turn, asyncio.Task[None]]] = {}
        """Answers that do not become part of the conversation, by their numbers, which count down from -1."""
        self._task: asyncio.Task[None] | None = None
        self._speculation: Speculation | None = None

    @property
    def taken(self) -> bool:
        """Whether a turn is alive: being prepared, or to be heard."""
        return self._task is not None

    @property
    def guessing(self) -> bool:
        """Whether an answer has been begun on a guess."""
        return self._speculation is not None

    async def note(self, utterance: Utterance) -> None:
        """Remember what the person said, without answering it."""
        await self.forget_guess()
        self._remember(self.conversation, utterance)

    async def respond(self, wish: Respond) -> None:
        """Let somebody speak. Raises `InvalidRequest` when somebody does who is to be heard first, or when a line it
        goes by is not there."""
        told = self._told(wish)
        conversation = self.conversation
        if told is not None or not wish.kept:
            conversation = conversation.aside(told, kept=wish.kept)
        if wish.kept:
            await self._make_room()
        settings = replace(
            self.settings,
            generation=wish.generation or self.settings.generation,
            aloud=self.settings.aloud if wish.aloud is None else wish.aloud,
        )
        speakers = wish.to or (self._next_speaker(conversation),)
        self._asides -= not wish.kept
        number = self._turns + 1 if wish.kept else self._asides
        turn = self._turn(number, speakers, settings, conversation, self._clock(), self._emit)
        now = self._clock()
        await self._emit(turn.decided(Utterance("", "request", now, now, now), wish.request))
        if wish.kept:
            self.conversation.talking_with = speakers[0]
            self._turns, self.turn, self._task = number, turn, self._start(turn)
        else:
            self._beside[number] = turn, self._start(turn)

    async def answer(self, utterance: Utterance, *, again: bool = False) -> None:
        """Answer what the person said, by what has been begun if that is an answer to it. `again`: the line stands in
        the conversation already."""
        guess, self._speculation = self._speculation, None
        if guess is not None and utterance.source == "speech" and guess.answers(utterance.text):
            await self._adopt(guess, utterance)
            return
        await self._drop(guess)
        await self.interrupt()
        if not again:
            self._remember(self.conversation, utterance)
        turn = self._prepare(utterance, self.conversation, self._emit)
        await self._emit(turn.decided(utterance))
        self._turns, self.turn, self._task = turn.number, turn, self._start(turn)

    async def speculate(self, utterance: Utterance) -> None:
        """Begin to answer what the person will probably turn out to have said. Not while a turn is alive."""
        guess = self._speculation
        if self.taken or (guess is not None and guess.answers(utterance.text)):
            return
        await self.forget_guess()
        conversation = self.conversation.fork()
        line = self._remember(conversation, utterance)
        events = HeldEvents(self._emit)
        turn = self._prepare(utterance, conversation, events.put)
        self._speculation = Speculation(turn, self._start(turn), conversation, line, events)

    async def reconsider(self, text: str) -> None:
        """The person goes on and has said `text` by now: an answer to something else is dropped."""
        if self._speculation is not None and not self._speculation.answers(text):
            await self.forget_guess()

    async def forget_guess(self) -> None:
        """Drop what was begun on a guess."""
        guess, self._speculation = self._speculation, None
        await self._drop(guess)

    async def interrupt(self, number: int | None = None) -> None:
        """Stop the current turn, or the one of that number. When this returns its engines have stopped and its end has
        been announced."""
        if number in self._beside:
            turn, task = self._beside.pop(number)
            await self._cut(turn, task, Outcome.INTERRUPTED)
        elif number is None or (self.turn is not None and self.turn.number == number):
            await self._end(Outcome.INTERRUPTED)

    async def stop(self) -> None:
        """End all work; nothing is announced."""
        await self.forget_guess()
        tasks = [task for _, task in self._beside.values()]
        self._beside.clear()
        if self._task is not None:
            tasks.append(self._task)
            self._task = None
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def turn_ended(self, turn: Turn, error: BaseException | None) -> None:
        """The task of `turn` ended by itself."""
        if self._beside.pop(turn.number, None) is not None:
            await self._over(turn, error)
        elif turn is self.turn and self._task is not None:
            self._task = None
            await self._over(turn, error)

    async def _make_room(self) -> None:
        """For a new turn: the current one is over as soon as the listener has all of it."""
        if self._task is not None and self.turn is not None and not self.turn.all_sent:
            raise InvalidRequest(
                "somebody is speaking; cancel that response first, or wait for its end", code=ALREADY_SPEAKING
            )
        await self._end(Outcome.COMPLETED)

    async def _end(self, outcome: Outcome) -> None:
        """Stop the current turn and announce its end; what is open of it ends so."""
        await self.forget_guess()
        task, self._task = self._task, None
        if task is not None and self.turn is not None:
            await self._cut(self.turn, task, outcome)

    async def _cut(self, turn: Turn, task: asyncio.Task[None], outcome: Outcome) -> None:
        task.cancel()
        await asyncio.wait((task,))
        if task.cancelled():
            await turn.finish(outcome)
        else:
            await self._over(turn, task.exception())

    def _remember(self, conversation: Conversation, utterance: Utterance) -> PersonLine:
        spoken = utterance.source == "speech"
        return conversation.add_person(utterance.text, utterance.to, spoken=spoken, id=utterance.line)

    def _told(self, wish: Respond) -> list[Line] | None:
        """The lines an answer goes by; `None` for all there are."""
        if wish.told is None:
            return None
        return [self._line(entry) if isinstance(entry, str) else entry for entry in wish.told]

    def _line(self, id: str) -> Line:
        place = self.conversation.place(id)
        if place is None:
            raise InvalidRequest(f"there is no item {id!r} in the conversation", param="response.input")
        return self.conversation.line(place)

    def _next_speaker(self, conversation: Conversation) -> Character:
        return choose_speakers("", self.settings.cast, conversation.talking_with, ())[0]

    async def _adopt(self, guess: Speculation, utterance: Utterance) -> None:
        """The guess was right: it becomes the turn."""
        self._figures.speculated("kept", guess.turn.replies_begun)
        guess.line.text = utterance.text
        self.conversation = guess.conversation
        self._turns, self.turn, self._task = guess.turn.number, guess.turn, guess.task
        await self._emit(guess.turn.decided(utterance))
        await guess.events.release()
        if guess.task.done():
            await self.turn_ended(guess.turn, guess.task.exception())

    async def _drop(self, guess: Speculation | None) -> None:
        """A guess came to nothing. When this returns its engines have stopped."""
        if guess is None:
            return
        guess.task.cancel()
        await asyncio.wait((guess.task,))
        self._figures.speculated("dropped", guess.turn.replies_begun)
        error = None if guess.task.cancelled() else guess.task.exception()
        if error is not None and _engine_error(error) is None:
            raise error

    def _prepare(
        self, utterance: Utterance, conversation: Conversation, emit: Callable[[Event], Awaitable[None]]
    ) -> Turn:
        cast = self.settings.cast
        speakers = choose_speakers(utterance.text, cast, conversation.talking_with, utterance.to)
        return self._turn(self._turns + 1, speakers, self.settings, conversation, utterance.ended_at, emit)

    def _turn(
        self,
        number: int,
        speakers: Sequence[Character],
        settings: SessionSettings,
        conversation: Conversation,
        said_until: float,
        emit: Callable[[Event], Awaitable[None]],
    ) -> Turn:
        conversation.talking_with = speakers[0]
        present = {character.id: character for character in (*settings.cast, *speakers)}
        stage = Stage(
            conversation=conversation,
            cast=tuple(present.values()),
            llm=self._engines.llm,
            generation=settings.generation,
            voices=self.voices if number > 0 else Voices(self._engines.tts),  # a voice speaks one text at a time
            output_rate_hz=settings.output_rate,
            aloud=settings.aloud,
            ahead_s=settings.ahead_s,
            speed=settings.speed,
            emit=emit,
            clock=self._clock,
            account=partial(self._figures.account, self._session),
        )
        return Turn(number, said_until, speakers, stage)

    def _start(self, turn: Turn) -> asyncio.Task[None]:
        task = asyncio.create_task(turn.run(), name=f"{self._session} turn {turn.number}")
        task.add_done_callback(lambda task: None if task.cancelled() else self._ended(turn, task.exception()))
        return task

    async def _over(self, turn: Turn, error: BaseException | None) -> None:
        if error is None:
            await turn.finish(Outcome.COMPLETED)
            return
        failure = _engine_error(error)
        if failure is None:
            raise error
        log.warning("turn failed", extra={"session": self._session, "turn": turn.number, "stage": failure.stage})
        await self._emit(ErrorRaised(failure.code, str(failure), turn=turn.number))
        await turn.finish(Outcome.FAILED)


def _engine_error(error: BaseException | None) -> EngineError | None:
    """The engine's failure behind whatever a task group made of it; `None` for anything that is a bug."""
    if isinstance(error, EngineError):
        return error
    if isinstance(error, BaseExceptionGroup):
        parts: tuple[BaseException, ...] = error.exceptions  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        found = [_engine_error(part) for part in parts]
        return found[0] if None not in found else None
    return None
