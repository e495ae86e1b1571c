"""The cast, the voices and the conversations."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "characters",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("document", sa.JSON, nullable=False),
        sa.Column("card", sa.JSON),
        sa.Column("portrait", sa.LargeBinary),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("updated_at", sa.Double, nullable=False),
    )
    op.create_table(
        "voices",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("name", sa.String(256), nullable=False),
        sa.Column("document", sa.JSON, nullable=False),
        sa.Column("recording", sa.LargeBinary),
        sa.Column("created_at", sa.Double, nullable=False),
    )
    op.create_table(
        "conversations",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("updated_at", sa.Double, nullable=False, index=True),
        sa.Column("resume_hash", sa.String(64), index=True),
        sa.Column("document", sa.JSON, nullable=False),
        sa.Column("summary", sa.JSON),
    )
    op.create_table(
        "turns",
        _conversation(),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("started_at", sa.Double, nullable=False),
        sa.Column("ended_at", sa.Double, nullable=False),
        sa.Column("document", sa.JSON, nullable=False),
    )
    op.create_table(
        "lines",
        _conversation(),
        sa.Column("id", sa.String(128), primary_key=True),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("turn", sa.Integer),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("document", sa.JSON, nullable=False),
    )
    op.create_table(
        "reply_audio",
        _conversation(),
        sa.Column("line", sa.String(128), primary_key=True),
        sa.Column("rate_hz", sa.Integer, nullable=False),
        sa.Column("flac", sa.LargeBinary, nullable=False),
    )


def downgrade() -> None:
    for table in ("reply_audio", "lines", "turns", "conversations", "voices", "characters"):
        op.drop_table(table)


def _conversation() -> sa.Column[str]:
    return sa.Column(
        "conversation", sa.String(64), sa.ForeignKey("conversations.id", ondelete="CASCADE"), primary_key=True
    )
