"""The database: opened, brought up to date, and asked in transactions. Knows nothing of what is kept in it."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from sqlalchemy import URL, event, make_url, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.util import await_only

from backend.errors import ConfigurationError, StorageError
from backend.storage.migrate import upgrade

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping, Sequence
    from types import TracebackType

    from sqlalchemy import Connection
    from sqlalchemy.ext.asyncio import AsyncConnection

    from backend.storage.tables import Base

BUSY_S = 10
"""How long SQLite waits for another process that writes."""
POSTGRESQL_CONNECTIONS = 5
ANSWERS_WITHIN_S = 30
"""A PostgreSQL server that takes longer is taken to be gone."""
LISTENS_AGAIN_AFTER_S = 2.0
"""When the connection was lost by which word comes."""


class Database:
    """At `address`: SQLAlchemy's URL, or the file of an SQLite database. Open from `async with` on.

    Entering raises `ConfigurationError` when it cannot be reached, opened or brought up to date.
    """

    def __init__(self, address: str | Path) -> None:
        self._address = address
        self._engine: AsyncEngine | None = None

    async def __aenter__(self) -> Self:
        url = _url(self._address)
        try:
            if isinstance(self._address, Path):
                self._address.parent.mkdir(parents=True, exist_ok=True)
            self._engine = _engine(url)
            async with self._engine.begin() as connection:
                await connection.run_sync(upgrade)
        except (SQLAlchemyError, OSError) as error:
            await self._dispose()
            shown = url.render_as_string(hide_password=True)
            other = "--data-dir" if isinstance(self._address, Path) else "--database-url"
            problem = f"the database {shown} cannot be used: {_reason(error)}; see {other}"
            raise ConfigurationError(problem) from error
        except ModuleNotFoundError as error:
            raise ConfigurationError(
                f"PostgreSQL needs a package that is not installed ({error.name}): pip install -e '.[postgres]'"
            ) from error
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._dispose()

    async def _dispose(self) -> None:
        if self._engine is not None:
            await self._engine.dispose()

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[AsyncConnection]:
        """Committed at the end, rolled back on an exception. Raises `StorageError` when the database cannot do it."""
        assert self._engine is not None
        try:
            async with self._engine.begin() as connection:
                yield connection
        except (SQLAlchemyError, OSError) as error:
            raise StorageError(f"the database does not answer as it should: {_reason(error)}") from error

    async def give_word(self, connection: AsyncConnection, channel: str) -> None:
        """Let the other servers on this database know, once the transaction of `connection` is committed."""
        if connection.dialect.name == "postgresql":
            await connection.execute(text(f"NOTIFY {channel}"))

    async def word(self, channel: str) -> AsyncGenerator[None]:
        """Yields when word was given on `channel`, and whenever that may have been missed: first of all, and after the
        connection was lost. SQLite has no other servers, so nothing comes."""
        assert self._engine is not None
        given = asyncio.Event()

        def wake(*_: object) -> None:
            given.set()

        if self._engine.dialect.name != "postgresql":
            await given.wait()
        from asyncpg import InterfaceError, PostgresError

        while True:
            with suppress(SQLAlchemyError, OSError, InterfaceError, PostgresError):
                async with self._engine.connect() as connection:
                    driver: Any = (await connection.get_raw_connection()).driver_connection
                    driver.add_termination_listener(wake)
                    await driver.add_listener(channel, wake)
                    given.set()
                    try:
                        while not driver.is_closed():
                            await given.wait()
                            given.clear()
                            yield
                    finally:
                        await connection.invalidate()  # nobody else wants a connection that listens
            await asyncio.sleep(LISTENS_AGAIN_AFTER_S)

    async def put(self, connection: AsyncConnection, table: type[Base], rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert rows that all have the same columns, each in the place of the one with its primary key.

        NUL characters are left out: PostgreSQL has none in its texts.
        """
        if not rows:
            return
        dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
        statement = dialect.insert(table)
        key = [column.name for column in table.__table__.primary_key]  # pyright: ignore[reportAttributeAccessIssue]
        changed = {name: statement.excluded[name] for name in rows[0] if name not in key}
        storable = [{name: _without_nul(value) for name, value in row.items()} for row in rows]
        await connection.execute(statement.on_conflict_do_update(index_elements=key, set_=changed), storable)


def _without_nul(value: Any) -> Any:
    return value.replace("\0", "") if isinstance(value, str) else value


def _url(address: str | Path) -> URL:
    if isinstance(address, Path):
        return URL.create("sqlite+aiosqlite", database=str(address))
    try:
        return make_url(address)
    except (ArgumentError, ValueError) as error:
        raise ConfigurationError("the address of the database cannot be understood") from error


def _engine(url: URL) -> AsyncEngine:
    if url.get_backend_name() != "sqlite":
        limits = {"timeout": ANSWERS_WITHIN_S, "command_timeout": ANSWERS_WITHIN_S}
        return create_async_engine(
            url, pool_size=POSTGRESQL_CONNECTIONS, pool_pre_ping=True, connect_args=limits, hide_parameters=True
        )
    # One connection: SQLite has one writer anyway, and each connection is a thread.
    limits = {"timeout": BUSY_S}
    engine = create_async_engine(url, pool_size=1, max_overflow=0, connect_args=limits, hide_parameters=True)
    event.listen(engine.sync_engine, "connect", _prepare_sqlite)
    event.listen(engine.sync_engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # else Python's driver begins transactions itself, and not before all statements
    cursor = connection.cursor()
    # WAL with NORMAL: what was committed outlives a crash of this process; a power cut may lose the newest, no more.
    for pragma in ("synchronous=NORMAL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    _write_ahead(cursor)
    cursor.close()


def _write_ahead(cursor: Any) -> None:
    """SQLite does not wait by itself for others who are just now doing the same to a new database."""
    for pause_s in (*[0.05] * round(BUSY_S / 0.05), None):
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError:
            if pause_s is None:
                raise
            await_only(asyncio.sleep(pause_s))


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _reason(error: Exception) -> str:
    """Why, in the database's own words, on one line."""
    cause: BaseException = (error.orig or error) if isinstance(error, DBAPIError) else error
    if isinstance(cause, sqlite3.Error | OSError) or str(cause):
        return (str(cause).splitlines() or [""])[0]
    return type(cause).__name__
