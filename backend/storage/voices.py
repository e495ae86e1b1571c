"""The voices that clients have added, kept in the database: every server on it knows them, after a restart too.

Nothing is kept in memory, so what one server changes holds for all at once.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, select, text, update

from backend.errors import LibraryFull
from backend.storage.tables import VoiceRow
from backend.voice_library import MAX_BYTES, MAX_VOICES, LibraryVoice, is_id

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection

    from backend.storage.database import Database

COLUMNS = ("id", "name", "created_at", "recording")
"""The fields of a voice with a column of their own; the document holds the others."""

_LISTED = (VoiceRow.id, VoiceRow.name, VoiceRow.created_at, VoiceRow.document)


class VoiceLibrary:
    """At most `max_voices`, whose recordings have at most `max_bytes` together. Every method raises `StorageError` when
    the database does not do its work."""

    def __init__(self, database: Database, max_voices: int = MAX_VOICES, max_bytes: int = MAX_BYTES) -> None:
        self._database = database
        self._max_voices = max_voices
        self._max_bytes = max_bytes

    async def add(self, voice: LibraryVoice) -> None:
        """Keep a voice, in the place of the one that has its id. Raises `LibraryFull`; what was kept is kept then."""
        async with self._database.transaction() as connection:
            await _keep_others_out(connection)
            count, size = await _taken_by_others(connection, voice.id)
            if count >= self._max_voices:
                raise LibraryFull(f"the server keeps at most {self._max_voices} added voices; delete one first")
            if size + len(voice.recording or b"") > self._max_bytes:
                raise LibraryFull(f"recordings have at most {self._max_bytes >> 20} MB together; delete a voice first")
            row = {name: getattr(voice, name) for name in COLUMNS}
            await self._database.put(connection, VoiceRow, [{**row, "document": _document(voice)}])

    async def find(self, voice_id: str) -> LibraryVoice | None:
        """The voice of that id."""
        if not is_id(voice_id):
            return None
        query = select(*_LISTED, VoiceRow.recording).where(VoiceRow.id == voice_id)
        async with self._database.transaction() as connection:
            row = (await connection.execute(query)).one_or_none()
        return None if row is None else replace(_voice(row), recording=row.recording)

    async def all(self) -> Sequence[LibraryVoice]:
        """Every voice without its recording, the oldest first."""
        query = select(*_LISTED).order_by(VoiceRow.created_at, VoiceRow.id)
        async with self._database.transaction() as connection:
            return [_voice(row) for row in await connection.execute(query)]

    async def change(self, voice_id: str, changed: Callable[[LibraryVoice], LibraryVoice]) -> LibraryVoice | None:
        """Put what `changed` makes of a voice in its place, with the recording it has; `None` where there is none."""
        if not is_id(voice_id):
            return None
        query = select(*_LISTED).where(VoiceRow.id == voice_id).with_for_update()
        async with self._database.transaction() as connection:
            row = (await connection.execute(query)).one_or_none()
            if row is None:
                return None
            voice = changed(_voice(row))
            values = {"name": voice.name.replace("\0", ""), "document": _document(voice)}
            await connection.execute(update(VoiceRow).where(VoiceRow.id == voice_id).values(values))
        return voice

    async def delete(self, voice_id: str) -> bool:
        """Forget a voice; whether there was one. Whoever speaks with it goes on."""
        if not is_id(voice_id):
            return False
        async with self._database.transaction() as connection:
            return (await connection.execute(delete(VoiceRow).where(VoiceRow.id == voice_id))).rowcount > 0


async def _keep_others_out(connection: AsyncConnection) -> None:
    """Until the end of the transaction nobody else adds voices: what is counted stays true. SQLite has one writer."""
    if connection.dialect.name == "postgresql":
        await connection.execute(text("LOCK TABLE voices IN SHARE ROW EXCLUSIVE MODE"))


async def _taken_by_others(connection: AsyncConnection, voice_id: str) -> tuple[int, int]:
    """How many voices there are besides this one, and the bytes of their recordings."""
    size = func.coalesce(func.sum(func.length(VoiceRow.recording)), 0)
    row = (await connection.execute(select(func.count(), size).where(VoiceRow.id != voice_id))).one()
    return int(row[0]), int(row[1])


def _document(voice: LibraryVoice) -> dict[str, Any]:
    return {name: value for name, value in asdict(voice).items() if name not in COLUMNS}


def _voice(row: Any) -> LibraryVoice:
    return LibraryVoice(row.id, row.name, row.created_at, **row.document)
