"""The tables. A change here needs a migration; a test compares the two.

Times are Unix time in seconds. What is only ever read as a whole is one JSON document.
"""

from __future__ import annotations

from typing import Any, ClassVar

from sqlalchemy import JSON, Double, ForeignKey, LargeBinary, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

Document = dict[str, Any]


class Base(DeclarativeBase):
    """All tables."""

    type_annotation_map: ClassVar[dict[Any, Any]] = {Document: JSON, bytes: LargeBinary, float: Double}


class CharacterRow(Base):
    """A member of the stored cast; `document` is the character as the HTTP API has it."""

    __tablename__ = "characters"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    position: Mapped[int]
    """Its place in the scene."""
    document: Mapped[Document]
    card: Mapped[Document | None]
    """What the card it came from says beyond the document."""
    portrait: Mapped[bytes | None]
    """PNG."""
    created_at: Mapped[float]
    updated_at: Mapped[float]


class VoiceRow(Base):
    """A voice that was added."""

    __tablename__ = "voices"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(String(256))
    document: Mapped[Document]
    """All but the recording."""
    recording: Mapped[bytes | None]
    """WAV."""
    created_at: Mapped[float]


class ConversationRow(Base):
    """A conversation; its lines and turns are rows of their own."""

    __tablename__ = "conversations"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    created_at: Mapped[float]
    updated_at: Mapped[float] = mapped_column(index=True)
    resume_hash: Mapped[str | None] = mapped_column(String(64), index=True)
    """SHA-256 of the resume token of its newest session."""
    document: Mapped[Document]
    """Who takes part, and what the client has set."""
    summary: Mapped[Document | None]
    """What happened in the beginning, in short, and up to which line."""


class TurnRow(Base):
    """A turn of a conversation."""

    __tablename__ = "turns"

    conversation: Mapped[str] = mapped_column(ForeignKey("conversations.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    started_at: Mapped[float]
    ended_at: Mapped[float]
    document: Mapped[Document]
    """What it answered, and how it ended."""


class LineRow(Base):
    """A line of a conversation."""

    __tablename__ = "lines"

    conversation: Mapped[str] = mapped_column(ForeignKey("conversations.id", ondelete="CASCADE"), primary_key=True)
    id: Mapped[str] = mapped_column(String(128), primary_key=True)
    position: Mapped[int]
    """Lines stand in this order."""
    turn: Mapped[int | None]
    """The turn it was said in."""
    at: Mapped[float]
    document: Mapped[Document]
    """What kind of line it is, and what it says."""


class ReplyAudioRow(Base):
    """What was heard of a reply, kept when the client asked for it."""

    __tablename__ = "reply_audio"

    conversation: Mapped[str] = mapped_column(ForeignKey("conversations.id", ondelete="CASCADE"), primary_key=True)
    line: Mapped[str] = mapped_column(String(128), primary_key=True)
    rate_hz: Mapped[int]
    flac: Mapped[bytes]
