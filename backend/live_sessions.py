"""The sessions of a server whose clients can come back to them, by their resume tokens.

Those without a client give way to newer ones when there are too many. Knows nothing of sockets.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING

from backend import commands
from backend.errors import Conflict
from backend.live_session import LiveSession
from backend.resume_tokens import new_token

if TYPE_CHECKING:
    from collections.abc import Generator

    from backend.session_settings import Engines, SessionSettings
    from backend.storage.conversations import ConversationStore, StoredConversation
    from backend.turns import Figures

log = logging.getLogger(__name__)

ENGINES_TOLD_EVERY_S = 1.0
"""While a model is being fetched its engine changes with each percent."""

LEAVES_WITHIN_S = 0.5
"""Whoever comes anew may be here before the end of their last connection is noticed."""


class LiveSessions:
    """At most `max_deserted` are kept whose clients are gone."""

    def __init__(
        self, engines: Engines, figures: Figures, store: ConversationStore, max_deserted: int, instance: str = ""
    ) -> None:
        """`instance`: the name of this server, see `new_token`."""
        self._engines = engines
        self._figures = figures
        self._store = store
        self._max_deserted = max_deserted
        self._instance = instance
        self._by_token: dict[str, LiveSession] = {}
        self._elsewhere: set[str] = set()
        """Conversations that go on in sessions which nobody can come back to."""

    def find(self, token: str) -> LiveSession | None:
        """The session with that token, unless it is about to end."""
        live = self._by_token.get(token)
        return None if live is None or live.ending else live

    def new_token(self) -> str:
        """For a session to come."""
        return new_token(self._instance)

    def open(
        self, settings: SessionSettings, resume_token: str, stored: StoredConversation | None = None
    ) -> LiveSession:
        """A new session; with `stored`, one that goes on with that conversation, which was taken over with this token.
        Raises `Conflict` when another one does."""
        if stored is not None and self._is_taken(stored.id):
            raise _taken()
        deserted = [live for live in self._by_token.values() if live.deserted]
        _end_oldest(deserted, self._max_deserted)
        shared = self._engines, settings, self._figures, self._store
        live = LiveSession(*shared, self._ended, stored, resume_token=resume_token)
        self._by_token[live.session.resume_token] = live
        return live

    @property
    def lingering(self) -> int:
        """Sessions without a client whose turn is still alive."""
        return len(self._lingering())

    def give_way(self, places: int, spared: LiveSession | None = None) -> None:
        """Only so many may linger besides the one that is spared, now that others have come."""
        _end_oldest([live for live in self._lingering() if live is not spared], places)

    @contextmanager
    def elsewhere(self, conversation: str) -> Generator[None]:
        """The conversation goes on in a session that ends with its connection, or is just being taken over. Raises
        `Conflict` when it goes on in another session."""
        if self._is_taken(conversation):
            raise _taken()
        self._elsewhere.add(conversation)
        try:
            yield
        finally:
            self._elsewhere.discard(conversation)

    async def release(self, conversation: str) -> None:
        """Returns when no session writes to the conversation. Raises `Conflict` when one with a client does."""
        if conversation in self._elsewhere:
            raise _taken()
        for live in self._in(conversation):
            if not await live.deserted_within(LEAVES_WITHIN_S):
                raise _taken()
            await self._end(live)

    async def tell_engines(self) -> None:
        """Tell every client when an engine has changed: not too often, and always how it is at last. Until
        cancelled."""
        told = self._engines.describe()
        while True:
            await self._engines.changed.wait()
            self._engines.changed.clear()
            described = self._engines.describe()
            if described != told:
                told = described
                for live in self._by_token.values():
                    live.session.note(commands.ShowEngines())
                await asyncio.sleep(ENGINES_TOLD_EVERY_S)

    async def close(self) -> None:
        """End all of them; returns when their conversations are kept."""
        await asyncio.gather(*(self._end(live) for live in list(self._by_token.values())))

    def _is_taken(self, conversation: str) -> bool:
        return conversation in self._elsewhere or bool(self._in(conversation))

    def _in(self, conversation: str) -> list[LiveSession]:
        return [live for live in self._by_token.values() if live.session.conversation.id == conversation]

    def _lingering(self) -> list[LiveSession]:
        return [live for live in self._by_token.values() if live.deserted and live.session.answering]

    async def _end(self, live: LiveSession) -> None:
        live.end()
        await live.over()

    def _ended(self, live: LiveSession) -> None:
        self._by_token.pop(live.session.resume_token, None)
        failure = live.failure
        if failure is not None:
            log.error("session failed", extra={"session": live.session.id}, exc_info=failure)


def _taken() -> Conflict:
    return Conflict("this conversation is going on in another session")


def _end_oldest(sessions: list[LiveSession], keep: int) -> None:
    for live in sessions[: max(0, len(sessions) - keep)]:
        live.end()
