"""Run by Alembic, within the transaction of the server that starts."""

from __future__ import annotations

from alembic import context

from backend.storage.tables import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,  # SQLite cannot change a column in place
)
context.run_migrations()
