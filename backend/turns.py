"""The life of a turn, whichever it is: made, started, cut, over. Knows nothing of which turn is the current one."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Literal, Protocol

from backend.errors import EngineError
from backend.events import ErrorRaised, Outcome
from backend.turn import Stage, Turn

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from backend.characters import Character
    from backend.conversation import Conversation
    from backend.engines.interfaces import Writer
    from backend.events import Event
    from backend.ledger import LedgerEntry
    from backend.pipelines.tts import Voices
    from backend.session_settings import Engines, SessionSettings

log = logging.getLogger(__name__)


class Figures(Protocol):
    """Where turns are accounted for."""

    def account(self, session: str, turn: int, entry: LedgerEntry, outcome: Outcome) -> None:
        """A reply is over."""
        ...

    def speculated(self, outcome: Literal["kept", "dropped"], llm_calls: int) -> None:
        """This came of an answer begun on a guess, for which the language model was asked so often."""
        ...

    def summarised(self, outcome: Literal["made", "failed"]) -> None:
        """This came of an attempt to summarise."""
        ...


@dataclass(slots=True)
class Presence:
    """What is known of the listener."""

    away: bool = False
    """Whether nobody is there to hear anything."""
    reports: bool = False
    """Whether it tells how far it has heard."""


class Turns:
    """Makes and ends the turns of one session. `ended` is told of turns whose task has ended by itself, `written` when
    all of one is written."""

    def __init__(
        self,
        session: str,
        engines: Engines,
        emit: Callable[[Event], Awaitable[None]],
        ended: Callable[[Turn, BaseException | None], None],
        written: Callable[[], None],
        figures: Figures,
        clock: Callable[[], float],
    ) -> None:
        self.clock = clock
        self.presence = Presence()
        self._session = session
        self._engines = engines
        self._emit = emit
        self._ended = ended
        self._written = written
        self._figures = figures

    def make(
        self,
        number: int,
        speakers: Sequence[Character],
        said_until: float,
        conversation: Conversation,
        settings: SessionSettings,
        voices: Voices,
        emit: Callable[[Event], Awaitable[None]] | None = None,
        llm: Writer | None = None,
    ) -> Turn:
        """A turn in which `speakers` answer. `emit`: where its events go, if not to the client. `llm`: who writes, if
        not the language model."""
        conversation.talking_with = speakers[0]
        stage = Stage(
            conversation=conversation,
            situation=settings.situation(speakers),
            writer=partial(self._writer, settings, voices) if llm is None else lambda _: llm,
            generation=settings.generation,
            voices=voices,
            output_rate_hz=settings.output_rate,
            ahead_s=settings.ahead_s,
            speed=settings.speed,
            emit=emit or self._emit,
            clock=self.clock,
            account=partial(self._figures.account, self._session),
            written=self._written,
            chance=Random(f"{conversation.id} {number} among themselves"),
            lines_among_themselves=settings.lines_among_themselves,
        )
        turn = Turn(number, said_until, speakers, stage)
        if self.presence.away:
            turn.listener_left(reports=self.presence.reports)
        return turn

    def _writer(self, settings: SessionSettings, voices: Voices, character: Character) -> Writer:
        """Who writes what a character says: its voice, where that can, and else the language model."""
        return (voices.of(character).writer if settings.aloud else None) or self._engines.llm

    def start(self, turn: Turn) -> asyncio.Task[None]:
        """The task that runs it; cancelling that stops it."""
        task = asyncio.create_task(turn.run(), name=f"{self._session} turn {turn.number}")
        task.add_done_callback(lambda task: None if task.cancelled() else self._ended(turn, task.exception()))
        return task

    async def cut(self, turn: Turn, task: asyncio.Task[None], outcome: Outcome) -> None:
        """Stop it. When this returns its engines have stopped and its end has been announced: what was open of it ended
        as `outcome`."""
        task.cancel()
        await asyncio.wait((task,))
        if task.cancelled():
            await turn.finish(outcome)
        else:
            await self.over(turn, task.exception())

    async def drop(self, turn: Turn, task: asyncio.Task[None]) -> None:
        """Stop one that was a guess and came to nothing: nothing is announced."""
        task.cancel()
        await asyncio.wait((task,))
        self._figures.speculated("dropped", turn.replies_begun)
        error = None if task.cancelled() else task.exception()
        if error is not None and _engine_error(error) is None:
            raise error

    def kept(self, turn: Turn) -> None:
        """A guess was right."""
        self._figures.speculated("kept", turn.replies_begun)

    async def over(self, turn: Turn, error: BaseException | None) -> None:
        """Its task has ended: announce the end, and why if `error` is an engine's. Raises any other."""
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
