"""Keeps the conversation of one session in the store, as it goes on, from what the client is told.

Writing happens in a task of its own: nothing waits for it but `turn.done`, whose turn is kept when the client learns
of its end. Knows nothing of SQL or sockets.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from backend import events
from backend.errors import StorageError, TakenOver
from backend.kept_audio import KeptAudio
from backend.kept_lines import KeptLines
from backend.lines import PersonLine
from backend.storage.conversations import Changes, ReplyAudio, StoredTurn, token_hash
from backend.storage.session_documents import settings_document

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from backend.conversation import Conversation
    from backend.kept_audio import HeardReply
    from backend.ledger import LedgerEntry
    from backend.lines import Line
    from backend.session_settings import SessionSettings
    from backend.storage.conversations import ConversationStore, StoredConversation

log = logging.getLogger(__name__)

RETRY_S = 5.0
"""How long after a failure writing is tried again, if nothing new has to be written before."""
MAX_UNWRITTEN_SOUNDS = 16
"""Replies whose sound waits for the database; of further ones the oldest sound is lost, not the words."""
LAST_WRITE_S = 5.0
"""How long the end of a session may wait for the database."""


class Recorded(Protocol):
    """What is recorded of a session."""

    @property
    def resume_token(self) -> str: ...

    @property
    def conversation(self) -> Conversation: ...

    @property
    def settings(self) -> SessionSettings: ...


@dataclass(slots=True)
class _Turn:
    """A turn of this session, under the number it has in the conversation."""

    number: int
    source: str
    text: str
    started_at: float
    ended_at: float
    outcome: str | None = None
    ledger: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    written: bool = False

    def stored(self) -> StoredTurn:
        document = {"source": self.source, "text": self.text, "outcome": self.outcome, "ledger": self.ledger}
        return StoredTurn(self.number, self.started_at, self.ended_at, document)


class Recorder:
    """`note` every event before the client is told; `run` for as long as the session lives, then `finish`."""

    def __init__(
        self, store: ConversationStore, session: Recorded, taken_over: Callable[[], None] | None = None
    ) -> None:
        """`taken_over` is called when the conversation goes on in another session: nothing is kept of this one then."""
        self._store = store
        self._session = session
        self._tell_taken_over = taken_over
        self._ours = True
        self._asks = False
        self._turns: dict[int, _Turn] = {}
        """Turns not yet over, or not yet written, by the session's own numbers."""
        self._turns_before = 0
        self._turn_of: dict[str, int] = {}
        self._kept = KeptLines()
        self._begun = False
        self._removed_lines: set[str] = set()
        self._cleared = False
        self._settings: Mapping[str, Any] | None = None
        self._summary: Mapping[str, Any] | None = None
        self._sound = KeptAudio()
        self._heard: list[HeardReply] = []
        """Sound still to be written."""
        self._due = asyncio.Event()
        self._waiting: list[asyncio.Future[None]] = []
        self._lagging = False
        """Whether a turn that is over is still to be written."""

    def go_on(self, stored: StoredConversation) -> None:
        """The session goes on with a conversation that is kept already."""
        self._kept = KeptLines(stored.lines)
        self._turn_of = {line.id: line.turn for line in stored.lines if line.turn is not None}
        self._turns_before = max((turn.number for turn in stored.turns), default=0)
        self._begun = True

    def note(self, event: events.Event) -> asyncio.Future[None] | None:
        """What the client is about to be told. Returns what `event` has to wait for, if it has to."""
        settings = self._session.settings
        self._sound.note(event, settings.output_rate if settings.keep_audio else None)
        match event:
            case events.SessionReady() if self._begun:
                self._due.set()
            case events.TurnStarted(turn) if turn > 0:
                self._begin(event)
            case events.ReplyStarted(turn, message_id=line) if turn in self._turns:
                self._turn_of[line] = self._turns[turn].number
            case events.AudioFrame(turn, reply=0, first_sample=0) if turn in self._turns:
                self._due.set()  # what was said outlives a server that dies before the answer is over
            case events.CallDone(turn, line=line) if turn in self._turns:
                self._turn_of[line.id] = self._turns[turn].number
            case events.TurnDone(turn, outcome, ledger) if turn in self._turns:
                over = self._turns[turn]
                over.outcome, over.ended_at, over.written = outcome, self._store.now(), False
                over.ledger = [_account(entry) for entry in ledger]
                return self._write_soon()
            case (
                events.ReplyDone()
                | events.LineAdded()
                | events.LineRemoved()
                | events.LineTruncated()
                | events.HeardCorrected()
            ):
                self._due.set()
            case events.ConversationCleared():
                self._forget()
            case _:
                pass
        return None

    async def run(self) -> None:
        """Write what is due, until cancelled."""
        failed = False
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(RETRY_S if failed else None):
                    await self._due.wait()
            failed = not await self._write()

    async def finish(self) -> None:
        """Write the rest."""
        try:
            async with asyncio.timeout(LAST_WRITE_S):
                await self._write()
        except TimeoutError:
            log.error("the end of a conversation could not be kept: the database does not answer")

    def _begin(self, event: events.TurnStarted) -> None:
        number, now = self._turns_before + event.turn, self._store.now()
        self._turns[event.turn] = _Turn(number, event.source, event.text, now, now)
        line = next((line for line in reversed(self._session.conversation.lines) if isinstance(line, PersonLine)), None)
        if line is None:
            return
        if event.source != "request" or line.id not in self._turn_of:
            self._turn_of[line.id] = number

    def _forget(self) -> None:
        """All that was said is to be forgotten."""
        self._turns = {number: turn for number, turn in self._turns.items() if turn.outcome is None}
        self._kept = KeptLines()
        self._turn_of.clear()
        self._removed_lines.clear()
        self._heard.clear()
        self._cleared = True
        self._due.set()

    def _write_soon(self) -> asyncio.Future[None] | None:
        """Returns what is done when it is written; nobody need wait for a store that lags behind already."""
        self._due.set()
        if self._lagging:
            return None
        written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(written)
        self._lagging = True
        return written

    async def _write(self) -> bool:
        """Write what has changed; whether that went well. Nobody waits any longer then, however it went."""
        self._due.clear()
        waiting, self._waiting = self._waiting, []
        changes, sound = self._changes(), self._heard
        try:
            if changes is not None:
                changes.audio = [await asyncio.to_thread(_as_kept, heard) for heard in sound]
                await self._store.write(changes)
                self._written(changes)
                self._heard = self._heard[len(sound) :]
        except TakenOver:
            self._ours = False
            if self._tell_taken_over is not None:
                self._tell_taken_over()
        except StorageError as error:
            log.error("a conversation could not be kept", extra={"conversation": self._session.conversation.id})
            log.debug("why: %s", error)
            return False
        finally:
            # Of a turn that another session's conversation has no place for, nobody is told that it is over.
            for written in waiting if self._ours else ():
                if not written.done():
                    written.set_result(None)
            self._lagging = bool(self._waiting)
        return True

    def ask(self) -> None:
        """Find out whether the conversation is still this session's."""
        self._asks = True
        self._due.set()

    def _changes(self) -> Changes | None:
        """What the store does not know yet."""
        conversation = self._session.conversation
        self._heard = (self._heard + self._sound.take())[-MAX_UNWRITTEN_SOUNDS:]
        self._take_out(conversation)
        found = Changes(conversation.id, settings_document(self._session.settings, conversation.user_name))
        found.summary = conversation.summary and asdict(conversation.summary)
        found.resume_hash, found.begins = token_hash(self._session.resume_token), not self._begun
        found.lines = self._kept.changed(conversation.lines, self._turn_of, self._said_at)
        found.turns = [turn.stored() for turn in self._turns.values() if self._has_come_to_something(turn)]
        found.removed_lines = set(self._removed_lines)
        found.cleared = self._cleared
        more = bool(found.lines or found.turns)
        less = bool(found.removed_lines or found.cleared)
        differs = (found.settings, found.summary) != (self._settings, self._summary)
        return found if self._ours and (more or (self._begun and (less or differs or self._asks))) else None

    def _take_out(self, conversation: Conversation) -> None:
        """Lines that were removed are removed from the store as well."""
        gone = conversation.taken_out()
        self._removed_lines |= gone
        self._kept.take_out(gone)
        self._heard = [heard for heard in self._heard if heard.line not in gone]
        self._turn_of = {id: turn for id, turn in self._turn_of.items() if id not in gone}

    def _has_come_to_something(self, turn: _Turn) -> bool:
        return not turn.written and (turn.outcome is not None or turn.number in self._turn_of.values())

    def _said_at(self, line: Line) -> float:
        number = self._turn_of.get(line.id)
        turn = next((turn for turn in self._turns.values() if turn.number == number), None)
        return turn.started_at if turn is not None else self._store.now()

    def _written(self, changes: Changes) -> None:
        self._begun, self._settings, self._summary = True, changes.settings, changes.summary
        self._asks = False
        self._cleared = self._cleared and not changes.cleared
        self._removed_lines -= changes.removed_lines
        present = {line.id for line in self._session.conversation.lines}
        self._kept.written(changes.lines, present)
        self._turn_of = {id: turn for id, turn in self._turn_of.items() if id in present}
        written = {turn.number: turn.document for turn in changes.turns}
        for number, turn in list(self._turns.items()):
            if turn.number in written and written[turn.number]["outcome"] == turn.outcome:
                turn.written = True
                if turn.outcome is not None:
                    del self._turns[number]


def _as_kept(heard: HeardReply) -> ReplyAudio:
    return ReplyAudio(heard.line, heard.rate_hz, heard.flac())


def _account(entry: LedgerEntry) -> dict[str, Any]:
    """A reply's account as it is kept."""
    figures = {name: getattr(entry, name) for name in entry.__slots__ if name != "marks"}
    return {**figures, "marks": entry.marks}
