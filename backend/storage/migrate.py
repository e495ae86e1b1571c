"""Brings a database up to date: every change to the tables is a file in `migrations/versions`, run once, in order."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import inspect, text

if TYPE_CHECKING:
    from sqlalchemy import Connection

MIGRATIONS = Path(__file__).parent / "migrations"
_LOCK = 0x766F6963
"""Two servers that start at once on one PostgreSQL database: the second waits for the first."""


@lru_cache
def newest() -> str:
    """The number of the newest migration, which its file's name begins with."""
    return max(path.stem.partition("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))


def upgrade(connection: Connection) -> None:
    """Run the migrations that the database has not seen, within the transaction of `connection`."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    if inspect(connection).has_table("alembic_version"):
        seen = connection.scalar(text("SELECT version_num FROM alembic_version"))
        if seen == newest():
            return
    # Costs 0.2 s to import, which a database that is up to date need not wait for.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
