"""Opening, migrating and failing, on SQLite and on PostgreSQL alike."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import select, text

from backend.errors import ConfigurationError, StorageError
from backend.storage import migrate
from backend.storage.database import Database
from backend.storage.tables import Base, ConversationRow, LineRow

HEAD = {"id": "c", "created_at": 1.0, "updated_at": 1.0, "document": {}, "resume_hash": None, "summary": None}


async def test_the_migrations_make_the_tables(database):
    """Whoever changes a table and forgets the migration learns it here."""

    def differences(connection):
        return compare_metadata(MigrationContext.configure(connection), Base.metadata)

    async with database.transaction() as connection:
        assert not await connection.run_sync(differences)


async def test_what_was_kept_is_there_when_the_database_is_opened_again(address):
    """The second start migrates nothing and loses nothing."""
    for _ in range(2):
        async with Database(address) as database, database.transaction() as connection:
            assert (await connection.scalar(text("SELECT version_num FROM alembic_version"))) == migrate.newest()
            kept = (await connection.execute(select(ConversationRow.id))).scalars().all()
            await database.put(connection, ConversationRow, [HEAD])
    assert kept == ["c"]


async def test_two_servers_may_start_at_once(address):
    """The second waits for the first to bring the database up to date."""

    async def start():
        async with Database(address) as database, database.transaction() as connection:
            return await connection.scalar(text("SELECT version_num FROM alembic_version"))

    assert await asyncio.gather(start(), start(), start()) == [migrate.newest()] * 3


async def test_a_transaction_is_kept_whole_or_not_at_all(database):
    """An exception in the middle leaves no half of it behind."""
    with pytest.raises(ZeroDivisionError):
        async with database.transaction() as connection:
            await database.put(connection, ConversationRow, [HEAD])
            raise ZeroDivisionError
    async with database.transaction() as connection:
        assert (await connection.execute(select(ConversationRow.id))).all() == []


async def test_put_replaces_what_has_the_same_key(database):
    """A line that has changed takes the place of what was kept of it, and texts may hold what PostgreSQL cannot."""
    line = {
        "conversation": "c",
        "id": "a\0b",
        "position": 0,
        "turn": None,
        "at": 1.0,
        "document": {"text": "x\0 \ud83d"},
    }
    async with database.transaction() as connection:
        await database.put(connection, ConversationRow, [HEAD])
        for position in (0, 7):
            await database.put(connection, LineRow, [{**line, "position": position}])
    async with database.transaction() as connection:
        (kept,) = (await connection.execute(select(LineRow.id, LineRow.position, LineRow.document))).all()
    assert kept == ("ab", 7, {"text": "x\0 \ud83d"})


async def test_a_database_that_refuses_is_a_storage_error(database):
    """Whatever the driver raises, callers know one kind of failure, and the next transaction works."""
    with pytest.raises(StorageError):
        async with database.transaction() as connection:
            await connection.execute(text("SELECT * FROM no_such_table"))
    async with database.transaction() as connection:
        assert await connection.scalar(text("SELECT 1")) == 1


@pytest.mark.parametrize(
    "address",
    [
        Path("/proc/nowhere/voicechat.db"),
        "postgresql+asyncpg://somebody:secret@127.0.0.1:1/none",
        "sqlite+aiosqlite:////proc/nowhere.db",
        "postgresql+asyncpg://[::1/none",
    ],
)
async def test_a_database_that_cannot_be_had_is_said_in_one_line(address):
    """The server does not start; the line has no password in it and no traceback."""
    with pytest.raises(ConfigurationError) as raised:
        async with Database(address):
            pass
    assert "\n" not in str(raised.value)
    assert "secret" not in str(raised.value)
    for thread in threading.enumerate():
        if "connection_worker" in thread.name:  # the driver tells the loop once more, which has to be there
            await asyncio.to_thread(thread.join)


async def test_a_file_that_is_no_database_is_left_alone(tmp_path):
    """Somebody's file of that name is not overwritten."""
    path = tmp_path / "voicechat.db"
    path.write_bytes(b"my diary, not a database\n" * 100)
    with pytest.raises(ConfigurationError):
        async with Database(path):
            pass
    assert path.read_bytes().startswith(b"my diary")
