"""Values of cards as the type they should have. Tools write numbers as texts and leave out what they do not know.

Everything raises `InvalidRequest`, naming the field, for what cannot be meant.
"""

from __future__ import annotations

import math
from typing import Any

from backend.errors import InvalidRequest

_FLAGS = {"true": True, "1": True, "false": False, "0": False, "": False}


def text(value: Any, field: str) -> str:
    """A text; a number stands for its digits, nothing for no text."""
    if value is None:
        return ""
    if isinstance(value, str | int | float):
        return str(value)
    raise InvalidRequest(f"{field}: should be a text", param=field)


def texts(value: Any, field: str) -> list[str]:
    """A list of texts; one text stands for itself."""
    if value is None or value == "":
        return []
    if isinstance(value, list):
        return [text(item, f"{field}.{place}") for place, item in enumerate(value)]  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    return [text(value, field)]


def keys(value: Any, field: str) -> list[str]:
    """A list of texts; in one text, commas separate them."""
    if isinstance(value, str):
        return [key.strip() for key in value.split(",") if key.strip()]
    return texts(value, field)


def flag(value: Any, field: str) -> bool:
    """True or false, also as a number or a text."""
    meant = _FLAGS.get(str(value).lower()) if isinstance(value, str | int) else None
    if meant is None:
        raise InvalidRequest(f"{field}: should be true or false", param=field)
    return meant


def number(value: Any, field: str, lowest: float, highest: float) -> int | float:
    """A number, also as a text; beyond the ends of the range, the end."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            value = math.nan
    if not isinstance(value, int | float) or value != value:  # noqa: PLR0124 - NaN
        raise InvalidRequest(f"{field}: should be a number", param=field)
    return lowest if value < lowest else highest if value > highest else value


def sequence(value: Any, field: str) -> list[Any]:
    """A list; nothing stands for an empty one, an object for its values."""
    if isinstance(value, list):
        return value  # pyright: ignore[reportUnknownVariableType]
    return list(mapping(value, field).values())


def mapping(value: Any, field: str) -> dict[str, Any]:
    """An object; nothing stands for an empty one."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise InvalidRequest(f"{field}: should be an object", param=field)
    return value  # pyright: ignore[reportUnknownVariableType]
