"""A session as it lives on the server: with what tells the client and what keeps the conversation, and for a while
without its client, who may come back. Knows nothing of sockets."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from backend import commands
from backend.events import TurnStarted
from backend.lines import Summary
from backend.link import Link
from backend.outbox import Outbox
from backend.recorder import Recorder
from backend.session import Session
from backend.storage.line_documents import line_of
from backend.storage.session_documents import configuration

if TYPE_CHECKING:
    from collections.abc import Callable

    from backend.events import Event
    from backend.link import Carry
    from backend.session_settings import Engines, SessionSettings
    from backend.storage.conversations import ConversationStore, StoredConversation
    from backend.turns import Figures

TURN_WAITS_S = 5.0
"""How long the turn that was being heard is kept alive for a client whose connection broke."""
GOODBYE_WAITS_S = 2.0
"""The same for one that closed its connection properly: a page that is loaded again, or somebody who has left."""
SESSION_WAITS_S = 300.0
"""How long a session is kept for its client; its conversation lasts in the store."""


class LiveSession:
    """Runs from `start` on until `end`, or until it fails. `ended` is called then."""

    def __init__(
        self,
        engines: Engines,
        settings: SessionSettings,
        figures: Figures,
        store: ConversationStore,
        ended: Callable[[LiveSession], None],
        stored: StoredConversation | None = None,
        clock: Callable[[], float] = time.monotonic,
        resume_token: str | None = None,
    ) -> None:
        """With `stored`, it goes on with that conversation, which it has taken over with this token."""
        self._outbox: Outbox[Event] = Outbox(self._send, clock)
        self.session = Session(engines, settings, self.tell, figures, clock, resume_token)
        self.recorder = Recorder(store, self.session, self._lose)
        if stored is not None:
            change = configuration(stored.settings, settings.stored)
            cast = {character.id: character for character in change.cast or ()}
            lines = [line_of(line.id, line.document, cast) for line in stored.lines]
            summary = Summary(**stored.summary) if stored.summary else None
            self.session.go_on(stored.id, lines, summary, change)
            self.recorder.go_on(stored)
        self._link = Link(lambda: self.session.reached, self.end)
        self._ended = ended
        self._clock = clock
        self._task: asyncio.Task[None] | None = None
        self._turn_timer: asyncio.TimerHandle | None = None
        self._end_timer: asyncio.TimerHandle | None = None
        self._superseded: asyncio.Future[None] | None = None
        self._left = asyncio.Event()
        self.ending = False
        """Whether it ends, or has ended: it still writes what it has to, and nobody comes back to it."""
        self.taken_over = False
        """Whether its conversation goes on in another session, on another server."""

    @property
    def deserted(self) -> bool:
        """Whether its client is gone."""
        return self._superseded is None

    async def deserted_within(self, seconds: float) -> bool:
        """Whether its client is gone by then; returns as soon as it is."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._left.wait()
        return self.deserted

    def start(self, carry: Carry) -> asyncio.Future[None]:
        """Begin, with the first client. Returns what is done when another connection takes this one's place."""
        self._link.begin(carry)
        self._task = asyncio.create_task(self._live(), name=self.session.id)
        self._task.add_done_callback(lambda _: self._ended(self))
        return self._attended()

    async def come_back(self, carry: Carry) -> asyncio.Future[None]:
        """The client is back, or has come by another connection; see `start`."""
        self._cancel_timers()
        if not self.deserted:
            self.session.note(commands.Leave())
        attended = self._attended()
        try:
            await self._link.attach(carry, self.session.ready(), self._clock())
        except BaseException:
            self.leave(attended, goodbye=False)
            raise
        self.session.note(commands.Return())
        self.recorder.ask()
        return attended

    def leave(self, attended: asyncio.Future[None], *, goodbye: bool) -> None:
        """The connection that was given `attended` is gone. `goodbye`: it was closed properly."""
        if attended is not self._superseded:
            return
        self._superseded = None
        self._left.set()
        self._link.detach()
        self.session.note(commands.Leave())
        if not self.ending:
            self._let_turn_wait(GOODBYE_WAITS_S if goodbye else TURN_WAITS_S)
            self._end_timer = asyncio.get_running_loop().call_later(SESSION_WAITS_S, self.end)

    def end(self) -> None:
        """End it soon; `ended` is called then."""
        if self._task is not None and not self.ending:
            self.ending = True  # cancelled once more it could not keep its last turn
            self._task.cancel()

    def _lose(self) -> None:
        self.taken_over = True
        self.end()

    async def over(self) -> None:
        """Returns when it has ended."""
        if self._task is not None:
            await asyncio.wait((self._task,))

    @property
    def failure(self) -> BaseException | None:
        """What it failed with, if it has; that is a bug."""
        task = self._task
        return task.exception() if task is not None and task.done() and not task.cancelled() else None

    async def tell(self, event: Event) -> None:
        """Tell the client, now or when it is back."""
        if isinstance(event, TurnStarted) and self.deserted and not self.ending:
            self._let_turn_wait(TURN_WAITS_S)
        await self._outbox.put(event, self.recorder.note(event))

    async def _live(self) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                for work in (self._outbox.run(), self.recorder.run()):
                    group.create_task(work, name=self.session.id)
                await self.session.run()
        finally:
            self.ending = True
            self._cancel_timers()
            await self.recorder.finish()

    def _attended(self) -> asyncio.Future[None]:
        if self._superseded is not None:
            self._superseded.set_result(None)
        self._left.clear()
        self._superseded = asyncio.get_running_loop().create_future()
        return self._superseded

    def _let_turn_wait(self, seconds: float) -> None:
        if self._turn_timer is not None:
            self._turn_timer.cancel()
        interrupt = commands.Interrupt()
        self._turn_timer = asyncio.get_running_loop().call_later(seconds, self.session.note, interrupt)

    def _cancel_timers(self) -> None:
        for timer in (self._turn_timer, self._end_timer):
            if timer is not None:
                timer.cancel()

    async def _send(self, event: Event, at: float) -> None:
        await self._link.send(event, at)
