"""Server events as they go out: JSON objects with a type and an id of their own."""

from __future__ import annotations

from typing import Any

from backend.lines import new_id

Wire = dict[str, Any]


def event(type_: str, **fields: Any) -> Wire:
    """A server event."""
    return {"type": type_, "event_id": new_id("event"), **fields}


def error(
    message: str, code: str, param: str | None = None, event_id: str | None = None, *, ours: bool = False
) -> Wire:
    """An `error` event about the client's event of that id. `ours`: it is this server's fault."""
    type_ = "server_error" if ours else "invalid_request_error"
    told = {"type": type_, "code": code, "message": message, "param": param, "event_id": event_id}
    return event("error", error=told)


def failure(message: str, code: str) -> Wire:
    """What went wrong, inside another event."""
    return {"type": "server_error", "code": code, "message": message}
