"""Databases of both kinds, empty for every test."""

from __future__ import annotations

from uuid import uuid4

import pytest
import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from backend.settings import Settings
from backend.storage.database import Database
from tests import postgresql


@pytest.fixture(scope="session")
def postgresql_server():
    """SQLAlchemy's address of a running server."""
    with postgresql.running() as address:
        yield Settings(database_url=address).database


@pytest_asyncio.fixture
async def postgresql_address(postgresql_server):
    """The address of an empty database."""
    name = f"test_{uuid4().hex}"
    engine = create_async_engine(postgresql_server, isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        await connection.execute(text(f"CREATE DATABASE {name}"))
    await engine.dispose()
    return postgresql_server.replace("/postgres?", f"/{name}?")


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request, tmp_path):
    """The address of an empty database, of each kind."""
    return tmp_path / "voicechat.db" if request.param == "sqlite" else request.getfixturevalue("postgresql_address")


@pytest_asyncio.fixture
async def database(address):
    """An open database of each kind."""
    async with Database(address) as opened:
        yield opened
