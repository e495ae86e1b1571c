"""A character card, read: the character it describes, and everything else it says, kept as it is."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from backend.cards import coercion, png
from backend.cards.books import read_book
from backend.cards.names import (
    CHUNKS,
    DEFAULTS,
    FIRST_VERSION,
    OWN_EXTENSION,
    OWN_FIELDS,
    PYGMALION,
    TEXTS,
    V3_DEFAULTS,
    talkativeness_given,
)
from backend.character_document import CharacterFields, check_size
from backend.cleaning import as_object, parsed, size
from backend.errors import InvalidRequest, TooLarge

if TYPE_CHECKING:
    from backend.storage.tables import Document

MAX_CARD_BYTES = 10 << 20
MAX_KEPT_BYTES = 2 << 20
"""Of what is only kept. With the largest portrait and character it makes a card that is read again."""

BLANK = png.blank(64, 96)
"""The portrait of nobody: what a PNG card of a character without one shows."""


@dataclass(frozen=True, slots=True)
class Card:
    """`kept` holds what has no place in `fields`: `data`, and what stood beside it, `root`."""

    fields: CharacterFields
    kept: Document
    portrait: bytes | None = None
    """PNG, without what was written in it."""


def read_card(file: bytes) -> Card:
    """The card in a PNG or JSON file. Blocks. Raises `InvalidRequest`, naming the field where it is one, and
    `TooLarge`; nothing else, whatever the file holds."""
    if len(file) > MAX_CARD_BYTES:
        raise TooLarge(f"a card has at most {MAX_CARD_BYTES >> 20} MB", "file")
    if not file.startswith(png.SIGNATURE):
        return _card(file, None)
    written = png.read_text(file, tuple(CHUNKS.values()))
    if written is None:
        raise InvalidRequest("there is no character in this picture: it has no text called ccv3 or chara", param="file")
    portrait = png.picture(file)
    return _card(_decoded(written), None if portrait == BLANK else portrait)


def _decoded(written: bytes) -> bytes:
    if written.startswith(b"rcc||"):
        raise InvalidRequest("the card is encrypted; have it exported without", param="file")
    try:
        return base64.b64decode(b"".join(written.split()), validate=True)
    except binascii.Error:
        raise InvalidRequest("the card in the picture is not in base64", param="file") from None


def _card(source: bytes, portrait: bytes | None) -> Card:
    try:
        data, root = _parts(parsed(source))
    except ValueError as error:
        raise InvalidRequest(f"the card cannot be read: {error}", param="file") from None
    data["extensions"] = coercion.mapping(data.get("extensions"), "extensions")
    nickname = coercion.text(data.get("nickname"), "nickname").strip()
    given = {**_fields(data, root), "name": nickname or coercion.text(data.get("name"), "name")}
    if not given["name"].strip():
        raise InvalidRequest("this is no character card: nobody is named in it", param="name")
    check_size(given)
    try:
        fields = CharacterFields.model_validate(given)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join(map(str, problem["loc"]))
        raise InvalidRequest(f"{place}: {problem['msg']}", param=place) from None
    # Beside a nickname the name is only a title.
    placed = {*TEXTS, "alternate_greetings", "character_book", "nickname", *(() if nickname else ("name",))}
    rest = {name: value for name, value in data.items() if name not in placed}
    kept: Document = {"data": _remarkable(rest), "root": root}
    if size(kept) > MAX_KEPT_BYTES:
        raise TooLarge(f"beside its character and its picture a card has at most {MAX_KEPT_BYTES >> 20} MB", "file")
    return Card(fields, kept, portrait)


def _parts(card: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the card says of the character, and what stands beside that. Version 1 knows no such difference."""
    top = {
        name: value for name, value in coercion.mapping(card, "file").items() if name not in {"spec", "spec_version"}
    }
    data = top.pop("data", None)
    if not isinstance(data, dict):
        return {PYGMALION.get(name, name): value for name, value in top.items()}, {}
    doubled = {name: top.pop(name) for name in FIRST_VERSION if name in top}
    return {**doubled, **data}, top


def _fields(data: dict[str, Any], root: dict[str, Any]) -> dict[str, Any]:
    """The character's fields but for the name, of the types they should have."""
    fields: dict[str, Any] = {own: coercion.text(data.get(name), name) for name, own in TEXTS.items()}
    fields["alternate_greetings"] = coercion.texts(data.get("alternate_greetings"), "alternate_greetings")
    talkativeness = talkativeness_given(data, root)
    if talkativeness is not None:
        fields["talkativeness"] = float(coercion.number(talkativeness, "talkativeness", 0, 1))
    if data.get("character_book") is not None:
        fields["lorebook"] = read_book(data["character_book"], "character_book")
    own = as_object(data["extensions"].get(OWN_EXTENSION))
    fields["voice"] = coercion.text(own.get("voice"), f"extensions.{OWN_EXTENSION}.voice") or None
    if own.get("interruptible") is not None:
        fields["interruptible"] = coercion.flag(own["interruptible"], f"extensions.{OWN_EXTENSION}.interruptible")
    return fields


def _remarkable(rest: dict[str, Any]) -> dict[str, Any]:
    """What is not as in every card."""
    extensions: dict[str, Any] = {**rest["extensions"], OWN_EXTENSION: _unplaced(rest["extensions"])}
    if not extensions[OWN_EXTENSION]:
        del extensions[OWN_EXTENSION]
    usual = {**DEFAULTS, **V3_DEFAULTS}
    return {
        name: value
        for name, value in {**rest, "extensions": extensions}.items()
        if name not in usual or value != usual[name]
    }


def _unplaced(extensions: dict[str, Any]) -> dict[str, Any]:
    """What this server's own extension holds that has no place in a character, as later versions may write it."""
    own = as_object(extensions.get(OWN_EXTENSION))
    return {name: value for name, value in own.items() if name not in OWN_FIELDS}
