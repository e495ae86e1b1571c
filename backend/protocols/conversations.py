"""Stored conversations as the HTTP API tells them: JSON, and Markdown for people. See docs/conversations.md."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from backend.storage.conversations import ConversationHead, StoredConversation, StoredLine


def head_fields(head: ConversationHead) -> dict[str, Any]:
    """A conversation in a list."""
    return {
        **_common(head.id, head.created_at, head.updated_at, head.settings),
        "turns": head.turns,
        "opening": head.opening,
    }


def conversation_fields(stored: StoredConversation) -> dict[str, Any]:
    """A whole conversation: every line in order, and the turns with their replies. Times are Unix time in seconds."""
    replies: dict[int, list[dict[str, Any]]] = {}
    for line in stored.lines:
        if line.turn is not None and line.document["kind"] == "reply":
            replies.setdefault(line.turn, []).append(_reply(line))
    turns: list[dict[str, Any]] = []
    for turn in stored.turns:
        said = replies.get(turn.number, [])
        for reply, account in zip(said, turn.document["ledger"], strict=False):
            reply["ledger"] = account
        turns.append(
            {
                "turn": turn.number,
                "source": turn.document["source"],
                "text": turn.document["text"],
                "outcome": turn.document["outcome"],
                "started_at": turn.started_at,
                "ended_at": turn.ended_at,
                "replies": said,
            }
        )
    return {
        **_common(stored.id, stored.created_at, stored.updated_at, stored.settings),
        "summary": stored.summary,
        "turns": turns,
        "lines": [{"id": line.id, "turn": line.turn, "at": line.at, **line.document} for line in stored.lines],
    }


def markdown(stored: StoredConversation) -> str:
    """The conversation to read: what was heard, and where somebody was cut off."""
    person = stored.settings["user_name"]
    others = ", ".join(character["name"] for character in stored.settings["cast"])
    began = datetime.fromtimestamp(stored.created_at, UTC)
    parts = [f"# {_escaped(person)} with {_escaped(others)}", f"{began:%Y-%m-%d %H:%M} UTC"]
    for line in stored.lines:
        match line.document:
            case {"kind": "person", "text": text}:
                parts.append(f"**{_escaped(person)}:** {_escaped(text)}")
            case {"kind": "reply", "character_name": name, "text": text, "heard_text": heard} if heard:
                cut = " \u2026 *(cut off)*" if len(heard) < len(text.rstrip()) else ""
                parts.append(f"**{_escaped(name)}:** {_escaped(heard)}{cut}")
            case _:
                pass
    return "\n\n".join(parts) + "\n"


def _common(id: str, created_at: float, updated_at: float, settings: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": id,
        "created_at": created_at,
        "updated_at": updated_at,
        "user_name": settings["user_name"],
        "characters": [{"id": character["id"], "name": character["name"]} for character in settings["cast"]],
    }


def _reply(line: StoredLine) -> dict[str, Any]:
    fields = {name: value for name, value in line.document.items() if name != "kind"}
    return {"message_id": line.id, **fields, "ledger": None}


def _escaped(text: str) -> str:
    """Text that Markdown shows as it is, on one line."""
    plain = " ".join(text.split())
    return "".join(f"\\{character}" if character in "\\`*_{}[]<>#|~" else character for character in plain)
