"""JSON from strangers, made safe to keep: bounded in depth, finite in its numbers, whole in its texts."""

from __future__ import annotations

import json
import math
from typing import Any

MAX_DEPTH = 64
MAX_VALUES = 500_000
"""Of one JSON text; each takes some hundred bytes of memory."""


def parsed(text: bytes) -> Any:
    """The value of a JSON text in UTF-8, cleaned. Raises `ValueError` with the reason in words."""
    if sum(map(text.count, (b",", b"[", b"{"))) > MAX_VALUES:
        raise ValueError(f"it has more than {MAX_VALUES} values")
    try:
        return cleaned(json.loads(text.decode("utf-8-sig")))
    except UnicodeDecodeError:
        raise ValueError("it is not in UTF-8") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"it is no JSON: {error.msg} at character {error.pos}") from None
    except RecursionError:
        raise ValueError(f"it is nested more than {MAX_DEPTH} deep") from None


def cleaned(value: Any, depth: int = MAX_DEPTH) -> Any:
    """The same JSON value without NUL characters, which databases refuse, and with U+FFFD for halves of characters.

    Raises `ValueError` for what is nested more than `depth` deep and for numbers that are not finite.
    """
    if depth < 0:
        raise ValueError(f"it is nested more than {MAX_DEPTH} deep")
    match value:
        case str():
            return clean_text(value)
        case dict():
            return {clean_text(str(key)): cleaned(item, depth - 1) for key, item in value.items()}  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
        case list():
            return [cleaned(item, depth - 1) for item in value]  # pyright: ignore[reportUnknownVariableType]
        case float() if not math.isfinite(value):
            raise ValueError("it has a number that is not finite")
        case _:
            return value


def size(value: Any) -> int:
    """Bytes of the JSON text of `value`."""
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())


def as_object(value: Any) -> dict[str, Any]:
    """`value` if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}  # pyright: ignore[reportUnknownVariableType]


def clean_text(text: str) -> str:
    """`text` as every encoder and database takes it."""
    if "\0" in text:
        text = text.replace("\0", "")
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
