"""The stored cast: read and changed as a whole, in one transaction. Knows nothing of what a character is."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, select, text, update

from backend.storage.tables import CharacterRow

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from sqlalchemy.ext.asyncio import AsyncConnection

    from backend.storage.database import Database
    from backend.storage.tables import Document

CHANNEL = "voicechat_cast"
"""On which servers that share a database give word of changes."""


@dataclass(frozen=True, slots=True)
class StoredCharacter:
    """A row without what is only asked for by name: its card and its portrait."""

    id: str
    document: Document
    created_at: float
    updated_at: float
    """Unix time in seconds."""
    has_portrait: bool = False
    position: int = -1
    """Its place in the scene; given when it is stored."""


@dataclass(frozen=True, slots=True)
class Brought:
    """What comes with a new character."""

    card: Document | None = None
    portrait: bytes | None = None
    """PNG."""


Cast = list[StoredCharacter]


class StoredCast:
    """Every method raises `StorageError` when the database does not do its work."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def change(self, edit: Callable[[Cast], Cast], brought: Brought | None = None) -> Cast:
        """Put what `edit` makes of the cast, in scene order, in its place, and return it. Whoever `edit` leaves out is
        deleted, who is new comes with what was `brought`. What `edit` raises is raised, and nothing has changed."""
        async with self._database.transaction() as connection:
            await _keep_others_out(connection)
            before = {stored.id: stored for stored in await _read(connection)}
            edited = edit(list(before.values()))
            after = [replace(stored, position=place) for place, stored in enumerate(edited)]
            gone = before.keys() - {stored.id for stored in after}
            if gone:
                await connection.execute(delete(CharacterRow).where(CharacterRow.id.in_(gone)))
            changed = [stored for stored in after if stored != before.get(stored.id)]
            kept = [_row(stored) for stored in changed if stored.id in before]
            await self._database.put(connection, CharacterRow, kept)
            brought = brought or Brought()
            more = {"card": brought.card, "portrait": brought.portrait}
            new = [{**_row(stored), **more} for stored in changed if stored.id not in before]
            await self._database.put(connection, CharacterRow, new)
            await self._database.give_word(connection, CHANNEL)
        return after

    async def changes(self) -> AsyncGenerator[Cast]:
        """The cast as it is, whenever another server on the same database may have changed it."""
        async with aclosing(self._database.word(CHANNEL)) as word:
            async for _ in word:
                async with self._database.transaction() as connection:
                    cast = await _read(connection)
                yield cast

    async def card(self, id: str) -> Document | None:
        """What the card of that character says beyond its document."""
        return await self._value(select(CharacterRow.card).where(CharacterRow.id == id))

    async def portrait(self, id: str) -> bytes | None:
        """Its portrait, PNG."""
        return await self._value(select(CharacterRow.portrait).where(CharacterRow.id == id))

    async def set_portrait(self, id: str, portrait: bytes | None, at: float) -> Cast:
        """Give it a portrait, or take it away; returns the cast as it is then."""
        async with self._database.transaction() as connection:
            values = {"portrait": portrait, "updated_at": at}
            await connection.execute(update(CharacterRow).where(CharacterRow.id == id).values(values))
            await self._database.give_word(connection, CHANNEL)
            return await _read(connection)

    async def _value(self, query: Any) -> Any:
        async with self._database.transaction() as connection:
            return await connection.scalar(query)


async def _keep_others_out(connection: AsyncConnection) -> None:
    """Until the end of the transaction nobody else changes the cast. SQLite has one writer."""
    if connection.dialect.name == "postgresql":
        await connection.execute(text("LOCK TABLE characters IN SHARE ROW EXCLUSIVE MODE"))


async def _read(connection: AsyncConnection) -> Cast:
    query = select(
        CharacterRow.id,
        CharacterRow.document,
        CharacterRow.created_at,
        CharacterRow.updated_at,
        CharacterRow.portrait.is_not(None),
        CharacterRow.position,
    )
    rows = await connection.execute(query.order_by(CharacterRow.position, CharacterRow.id))
    return [StoredCharacter(*row) for row in rows]


def _row(stored: StoredCharacter) -> dict[str, Any]:
    return {
        "id": stored.id,
        "position": stored.position,
        "document": stored.document,
        "created_at": stored.created_at,
        "updated_at": stored.updated_at,
    }
