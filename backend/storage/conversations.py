"""Conversations in the database: written piece by piece as they go on, read whole.

Knows nothing of sessions; `backend/recorder.py` tells what has changed.
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import delete, func, select, update

from backend.errors import TakenOver
from backend.storage.tables import ConversationRow, LineRow, ReplyAudioRow, TurnRow

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Executable
    from sqlalchemy.ext.asyncio import AsyncConnection

    from backend.storage.database import Database
    from backend.storage.tables import Document

T = TypeVar("T")

LISTED = 100
"""Conversations told at once."""
ROWS_AT_ONCE = 200
"""Rows read without a pause."""


@dataclass(frozen=True, slots=True)
class StoredLine:
    """A line, as `line_documents` has it, and where it stands. `turn`: the one it was said in."""

    id: str
    position: int
    turn: int | None
    at: float
    document: Document


@dataclass(frozen=True, slots=True)
class StoredTurn:
    """`document`: `source`, `text`, `outcome` (`None` while it goes on) and `ledger`, a list with one object per
    reply."""

    number: int
    started_at: float
    ended_at: float
    document: Document


@dataclass(frozen=True, slots=True)
class ReplyAudio:
    """What was heard of the reply that is this line."""

    line: str
    rate_hz: int
    flac: bytes


@dataclass(slots=True)
class Changes:
    """What has become of one conversation since it was last written."""

    conversation: str
    settings: Document
    """Who takes part, and what the client has set."""
    resume_hash: str | None = None
    """Whose it is: only the session that this is the token of writes to it."""
    begins: bool = True
    """Whether it may not be there yet. One that was there and is not was deleted, and stays so."""
    summary: Document | None = None
    lines: list[StoredLine] = field(default_factory=list[StoredLine])
    turns: list[StoredTurn] = field(default_factory=list[StoredTurn])
    audio: list[ReplyAudio] = field(default_factory=list[ReplyAudio])
    cleared: bool = False
    """Whether everything that was said before is forgotten."""
    removed_lines: set[str] = field(default_factory=set[str])


@dataclass(frozen=True, slots=True)
class StoredConversation:
    """A whole conversation; lines and turns in order."""

    id: str
    created_at: float
    updated_at: float
    settings: Document
    summary: Document | None
    lines: Sequence[StoredLine]
    turns: Sequence[StoredTurn]


@dataclass(frozen=True, slots=True)
class ConversationHead:
    """What a list shows of a conversation."""

    id: str
    created_at: float
    updated_at: float
    settings: Document
    turns: int
    opening: str
    """What the person said first."""


def token_hash(token: str) -> str:
    """What is kept of a resume token."""
    return hashlib.sha256(token.encode()).hexdigest()


class ConversationStore:
    """Every method raises `StorageError`. `now`: Unix time in seconds."""

    def __init__(self, database: Database, now: Callable[[], float] = time.time) -> None:
        self._database = database
        self.now = now

    async def write(self, changes: Changes) -> None:
        """All of it or nothing; a turn of which no line is left is gone. Raises `TakenOver` where the conversation is
        another session's, on whichever server that is, or was deleted."""
        id, now = changes.conversation, self.now()
        owner = ConversationRow.resume_hash
        own = owner.is_(None) | (owner == changes.resume_hash)
        async with self._database.transaction() as connection:
            touched = await connection.execute(
                update(ConversationRow)
                .where(ConversationRow.id == id, own)
                .values(
                    updated_at=now,
                    document=changes.settings,
                    resume_hash=changes.resume_hash,
                    summary=changes.summary,
                )
            )
            if not touched.rowcount:
                there = select(ConversationRow.id).where(ConversationRow.id == id)
                if not changes.begins or await connection.scalar(there):
                    raise TakenOver("this conversation was deleted, or goes on in another session")
                row = {"id": id, "created_at": now, "updated_at": now, "document": changes.settings}
                row |= {"resume_hash": changes.resume_hash, "summary": changes.summary}
                await self._database.put(connection, ConversationRow, [row])
            await self._write_parts(connection, changes)

    async def _write_parts(self, connection: AsyncConnection, changes: Changes) -> None:
        id = changes.conversation
        if changes.cleared:
            for table in (LineRow, TurnRow, ReplyAudioRow):
                await connection.execute(delete(table).where(table.conversation == id))
        if changes.removed_lines:
            for table, column in ((LineRow, LineRow.id), (ReplyAudioRow, ReplyAudioRow.line)):
                gone = (table.conversation == id) & column.in_(changes.removed_lines)
                await connection.execute(delete(table).where(gone))
        parts: tuple[tuple[Any, Sequence[StoredLine | StoredTurn | ReplyAudio]], ...]
        parts = ((TurnRow, changes.turns), (LineRow, changes.lines), (ReplyAudioRow, changes.audio))
        for table, found in parts:
            await self._database.put(connection, table, [{"conversation": id, **_columns(part)} for part in found])
        said_in = select(LineRow.turn).where(LineRow.conversation == id, LineRow.turn.is_not(None))
        await connection.execute(delete(TurnRow).where(TurnRow.conversation == id, TurnRow.number.not_in(said_in)))

    async def read(self, id: str, newest: int | None = None) -> StoredConversation | None:
        """The conversation of that id; of a long one only so many of the `newest` lines and turns, if that is given."""
        if _impossible(id):
            return None
        async with self._database.transaction() as connection:
            return await _read(connection, id, newest)

    async def take_over(self, id: str, token: str, newest: int | None = None) -> StoredConversation | None:
        """The same, and from then on it is written to by the session with this resume token only. What another one has
        written before is in it; what it writes later is refused."""
        if _impossible(id):
            return None
        claim = update(ConversationRow).where(ConversationRow.id == id).values(resume_hash=token_hash(token))
        async with self._database.transaction() as connection:
            claimed = await connection.execute(claim)
            return await _read(connection, id, newest) if claimed.rowcount else None

    async def find_by_token(self, token: str) -> str | None:
        """The conversation whose newest session has this resume token."""
        query = select(ConversationRow.id).where(ConversationRow.resume_hash == token_hash(token))
        async with self._database.transaction() as connection:
            return await connection.scalar(query)

    async def heads(self, before: float | None = None, limit: int = LISTED) -> list[ConversationHead]:
        """The conversations that went on last, before that time if one is given; the newest first."""
        turns = select(func.count()).where(TurnRow.conversation == ConversationRow.id).scalar_subquery()
        opening = (
            select(TurnRow.document)
            .where(TurnRow.conversation == ConversationRow.id)
            .order_by(TurnRow.number)
            .limit(1)
            .scalar_subquery()
        )
        query = select(
            ConversationRow.id,
            ConversationRow.created_at,
            ConversationRow.updated_at,
            ConversationRow.document,
            turns,
            opening,
        ).order_by(ConversationRow.updated_at.desc(), ConversationRow.id)
        if before is not None:
            query = query.where(ConversationRow.updated_at < before)
        async with self._database.transaction() as connection:
            rows = (await connection.execute(query.limit(limit))).all()
        return [_head(row) for row in rows]

    async def audible(self, id: str) -> set[str]:
        """The replies whose sound was kept."""
        query = select(ReplyAudioRow.line).where(ReplyAudioRow.conversation == id)
        async with self._database.transaction() as connection:
            return set(await connection.scalars(query))

    async def audio(self, id: str, line: str) -> ReplyAudio | None:
        """What was kept of the sound of the reply that is this line."""
        query = select(ReplyAudioRow.line, ReplyAudioRow.rate_hz, ReplyAudioRow.flac)
        query = query.where(ReplyAudioRow.conversation == id, ReplyAudioRow.line == line)
        async with self._database.transaction() as connection:
            row = (await connection.execute(query)).one_or_none()
        return None if row is None else ReplyAudio(*row)

    async def delete(self, id: str) -> bool:
        """Forget a conversation; whether there was one."""
        if _impossible(id):
            return False
        async with self._database.transaction() as connection:
            gone = await connection.execute(delete(ConversationRow).where(ConversationRow.id == id))
        return bool(gone.rowcount)


async def _read(connection: AsyncConnection, id: str, newest: int | None) -> StoredConversation | None:
    lines = select(LineRow.id, LineRow.position, LineRow.turn, LineRow.at, LineRow.document)
    lines = lines.where(LineRow.conversation == id).order_by(LineRow.position.desc(), LineRow.at.desc())
    turns = select(TurnRow.number, TurnRow.started_at, TurnRow.ended_at, TurnRow.document)
    turns = turns.where(TurnRow.conversation == id).order_by(TurnRow.number.desc())
    head = (await connection.execute(select(ConversationRow).where(ConversationRow.id == id))).one_or_none()
    if head is None:
        return None
    return StoredConversation(
        *(head.id, head.created_at, head.updated_at, head.document, head.summary),
        lines=await _oldest_first(connection, lines.limit(newest), StoredLine),
        turns=await _oldest_first(connection, turns.limit(newest), StoredTurn),
    )


async def _oldest_first(connection: AsyncConnection, query: Executable, kind: Callable[..., T]) -> list[T]:
    """What `query` finds, the newest first; read a few at a time, so that others get their turns on the event loop."""
    result = await connection.stream(query)
    found = [kind(*row) async for rows in result.partitions(ROWS_AT_ONCE) for row in rows]
    found.reverse()
    return found


def _impossible(id: str) -> bool:
    """PostgreSQL cannot even be asked for it."""
    return "\0" in id


def _head(row: Any) -> ConversationHead:
    first: Document | None = row[5]
    return ConversationHead(row[0], row[1], row[2], row[3], row[4], first["text"] if first else "")


def _columns(part: StoredLine | StoredTurn | ReplyAudio) -> dict[str, Any]:
    return {name: getattr(part, name) for name in part.__slots__}
