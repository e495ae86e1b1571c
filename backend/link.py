"""The way from a session to its client, who may go and come back: one socket at a time, or none.

Remembers of the newest turn what has been told and not yet heard, so that whoever comes back can be told again exactly
from there. Events that fall due while nobody is there wait. Knows nothing of sockets or wire formats.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from backend import events
from backend.audio import SAMPLE_BYTES, sample_count

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from backend.events import Event

MAX_WAITING = 4096
"""Events that wait for the client to come back. A turn that nobody hears makes some hundred, then it waits too."""

OUTDATED = (events.SessionReady, events.EnginesChanged)
"""What waits of these says less than the `SessionReady` that greets whoever comes back."""

MAX_UNHEARD_FRAMES = 600
"""Frames remembered: a minute at the most; a client that reports, or plays by the clock, leaves some 20."""


class Carry(Protocol):
    """Brings events to the client. Cancelled, it has brought nothing."""

    async def __call__(self, event: Event, at: float) -> bool:
        """Whether it may have arrived; if not, the client is gone."""
        ...


@dataclass(slots=True)
class _Reply:
    started: events.ReplyStarted
    text: str = ""
    words: dict[int, events.ReplyWords] = field(default_factory=dict[int, "events.ReplyWords"])
    """By sentence."""
    done: events.ReplyDone | None = None


class TurnMemory:
    """The newest turn as far as the client has been told, and its sound as far as it may not have been heard."""

    def __init__(self, reached: Callable[[], tuple[int, int, int] | None]) -> None:
        self._reached = reached
        self._started: events.TurnStarted | None = None
        self._replies: dict[int, _Reply] = {}
        self._done: events.TurnDone | None = None
        self._frames: deque[events.AudioFrame] = deque(maxlen=MAX_UNHEARD_FRAMES)

    def note(self, event: Event) -> None:
        """The client is told this."""
        match event:
            case events.TurnStarted(turn) if turn > 0:
                self._started, self._done = event, None
                self._replies.clear()
                self._frames.clear()
            case events.ReplyStarted() if self._is_newest(event.turn):
                self._replies[event.reply] = _Reply(event)
            case events.ReplyText() if self._is_newest(event.turn):
                self._replies[event.reply].text += event.delta
            case events.ReplyWords() if self._is_newest(event.turn):
                self._replies[event.reply].words[event.sentence] = event
            case events.ReplyDone() if self._is_newest(event.turn):
                self._replies[event.reply].done = event
            case events.AudioFrame() if self._is_newest(event.turn):
                self._frames.append(event)
                self._forget_heard()
            case events.TurnDone() if self._is_newest(event.turn):
                self._done = event
                if event.outcome is not events.Outcome.COMPLETED:
                    self._frames.clear()
            case _:
                pass

    @property
    def newest(self) -> events.NewestTurn | None:
        """The turn as far as it was told."""
        if self._started is None:
            return None
        replies = tuple(events.NewestReply(reply.started, reply.text, reply.done) for reply in self._replies.values())
        return events.NewestTurn(self._started, replies, self._done)

    def words(self) -> Iterator[events.ReplyWords]:
        """When which word of it is heard."""
        for reply in self._replies.values():
            yield from reply.words.values()

    def unheard(self) -> Iterator[events.AudioFrame]:
        """What was sent of it and not heard for certain, from exactly where the listener was."""
        self._forget_heard()
        reached = self._reached()
        for frame in self._frames:
            if reached is None or (frame.turn, frame.reply) != reached[:2]:
                yield frame
                continue
            heard = max(0, reached[2] - frame.first_sample)
            yield replace(frame, first_sample=frame.first_sample + heard, pcm=frame.pcm[heard * SAMPLE_BYTES :])

    def _is_newest(self, turn: int) -> bool:
        return self._started is not None and self._started.turn == turn

    def _forget_heard(self) -> None:
        reached = self._reached()
        while reached is not None and self._frames:
            oldest = self._frames[0]
            end = oldest.first_sample + sample_count(oldest.pcm)
            still_playing = (oldest.turn, oldest.reply) == reached[:2]
            if (oldest.turn, oldest.reply, end) > reached or (still_playing and not oldest.pcm):
                break
            self._frames.popleft()


class Link:
    """`reached`: how far the client has heard for certain: a turn, a reply, samples. `overrun` is called when too much
    waits for a client that does not come back."""

    def __init__(self, reached: Callable[[], tuple[int, int, int] | None], overrun: Callable[[], None]) -> None:
        self._memory = TurnMemory(reached)
        self._overrun = overrun
        self._carry: Carry | None = None
        self._waiting: deque[tuple[Event, float]] = deque()
        self._one_at_a_time = asyncio.Lock()
        self._carrying: asyncio.Timeout | None = None
        """Around what is being carried just now."""

    async def send(self, event: Event, at: float) -> None:
        """Tell the client, now or when it is back; all of it or, when cancelled, nothing. `at`: the session's clock."""
        async with self._one_at_a_time:
            self._waiting.append((event, at))
            try:
                await self._flush()
            except asyncio.CancelledError:
                self._waiting.pop()
                raise
        if len(self._waiting) > MAX_WAITING:
            self._overrun()

    async def attach(self, carry: Carry, ready: events.SessionReady, at: float) -> None:
        """The client is back: it is told where things stand, then what it has not heard, then all that waited."""
        self._give_up()
        async with self._one_at_a_time:
            self._carry = carry
            self._waiting = deque(waiting for waiting in self._waiting if not isinstance(waiting[0], OUTDATED))
            await self._tell(replace(ready, newest=self._memory.newest), at)
            for again in (*self._memory.words(), *self._memory.unheard()):
                await self._tell(again, at)
            await self._flush()

    def begin(self, carry: Carry) -> None:
        """The first client is there."""
        self._carry = carry

    def detach(self) -> None:
        """The client is gone."""
        self._carry = None
        self._give_up()

    async def _flush(self) -> None:
        while self._waiting:
            event, at = self._waiting[0]
            if not await self._tell(event, at):
                return
            self._waiting.popleft()
            self._memory.note(event)

    async def _tell(self, event: Event, at: float) -> bool:
        """Whether it may have arrived; if not, nobody is there."""
        if self._carry is None:
            return False
        try:
            async with asyncio.timeout(None) as self._carrying:
                arrived = await self._carry(event, at)
        except TimeoutError:
            arrived = False
        finally:
            self._carrying = None
        if not arrived:
            self._carry = None
        return arrived

    def _give_up(self) -> None:
        """A connection that takes no more keeps nobody waiting who comes by another."""
        if self._carrying is not None:
            self._carrying.reschedule(asyncio.get_running_loop().time())
            self._carrying = None
