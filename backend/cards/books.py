"""The lorebook of a card: its fields as they should be, everything else in it as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from backend.cards import coercion
from backend.character_document import MAX_NUMBER, MAX_SCAN_DEPTH

if TYPE_CHECKING:
    from backend.character_document import LorebookFields

_BOOK_DEFAULTS: dict[str, Any] = {"extensions": {}}
_ENTRY_DEFAULTS: dict[str, Any] = {"extensions": {}, "use_regex": False}
"""What every entry has in a file, and need not say in here."""

_ENTRY_NUMBERS = ("insertion_order", "priority")
_ENTRY_FLAGS = ("selective", "enabled", "constant", "case_sensitive")
_BOOK_NUMBERS = {"scan_depth": MAX_SCAN_DEPTH, "token_budget": MAX_NUMBER}


def read_book(book: Any, field: str) -> dict[str, Any]:
    """The lorebook as a character has it. Raises `InvalidRequest`."""
    given = coercion.mapping(book, field)
    read = _without(given, _BOOK_DEFAULTS)
    for name, highest in _BOOK_NUMBERS.items():
        if given.get(name) is not None:
            read[name] = int(coercion.number(given[name], f"{field}.{name}", 0, highest))
    entries = coercion.sequence(given.get("entries"), f"{field}.entries")
    read["entries"] = [_entry(entry, f"{field}.entries.{place}") for place, entry in enumerate(entries)]
    return read


def _entry(entry: Any, field: str) -> dict[str, Any]:
    given = coercion.mapping(entry, field)
    read = _without(given, _ENTRY_DEFAULTS)
    for name in ("keys", "secondary_keys"):
        if given.get(name) is not None:
            read[name] = coercion.keys(given[name], f"{field}.{name}")
    read["content"] = coercion.text(given.get("content"), f"{field}.content")
    for name in _ENTRY_FLAGS:
        if given.get(name) is not None:
            read[name] = coercion.flag(given[name], f"{field}.{name}")
    for name in _ENTRY_NUMBERS:
        if given.get(name) is not None:
            read[name] = coercion.number(given[name], f"{field}.{name}", -MAX_NUMBER, MAX_NUMBER)
    return read


def written_book(book: LorebookFields) -> dict[str, Any]:
    """The lorebook as a card has it."""
    told = book.model_dump(exclude_unset=True)
    required: dict[str, Any] = {"keys": [], "enabled": True, "insertion_order": 0, **_ENTRY_DEFAULTS}
    return {**_BOOK_DEFAULTS, **told, "entries": [{**required, **entry} for entry in told.get("entries", [])]}


def _without(given: dict[str, Any], defaults: dict[str, Any]) -> dict[str, Any]:
    """What is said that is not nothing, nor what goes without saying."""
    known = {"keys", "secondary_keys", *_ENTRY_FLAGS, *_ENTRY_NUMBERS, *_BOOK_NUMBERS}
    said = {name: value for name, value in given.items() if value is not None or name not in known}
    return {name: value for name, value in said.items() if name not in defaults or value != defaults[name]}
