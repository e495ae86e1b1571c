"""A character as a card, with all that the card it came from had to say."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

from backend.cards import coercion, png
from backend.cards.books import written_book
from backend.cards.names import (
    CHUNKS,
    DEFAULTS,
    FIRST_VERSION,
    OWN_EXTENSION,
    SPEC_VERSIONS,
    TEXTS,
    V2,
    V3,
    V3_DEFAULTS,
    talkativeness_given,
)
from backend.cards.reading import BLANK, MAX_CARD_BYTES

if TYPE_CHECKING:
    from backend.character_document import CharacterDocument
    from backend.storage.tables import Document


def json_card(character: CharacterDocument, kept: Document, spec: str = V3) -> bytes:
    """The card as a JSON file. `kept` as `Card` has it, or empty; `spec`: `V2` or `V3`."""
    return json.dumps(_card(character, kept, spec), ensure_ascii=False).encode()


def png_card(character: CharacterDocument, kept: Document, portrait: bytes | None, spec: str = V3) -> bytes:
    """The card in its portrait, or in a grey picture. What is of V3 is there as V2 too, for older tools, unless the
    file would be too large to be read again."""
    texts = {CHUNKS[spec]: _encoded(_card(character, kept, spec))}
    card = png.with_texts(portrait or BLANK, texts)
    if spec == V2:
        return card
    texts[CHUNKS[V2]] = _encoded(_card(character, kept, V2))
    both = png.with_texts(portrait or BLANK, texts)
    return both if len(both) <= MAX_CARD_BYTES else card


def _encoded(card: dict[str, Any]) -> bytes:
    return base64.b64encode(json.dumps(card, ensure_ascii=False, separators=(",", ":")).encode())


def _card(character: CharacterDocument, kept: Document, spec: str) -> dict[str, Any]:
    data, root = kept.get("data", {}), kept.get("root", {})
    told = {name: getattr(character, own) for name, own in TEXTS.items()}
    name = character.name or character.id
    defaults = {**DEFAULTS, **V3_DEFAULTS} if spec == V3 else DEFAULTS
    written: dict[str, Any] = {"name": name, **told, **defaults, **data}
    if "name" in data:
        written["nickname"] = name
    written["alternate_greetings"] = character.alternate_greetings
    if character.lorebook is not None:
        written["character_book"] = written_book(character.lorebook)
    written["extensions"] = _extensions(character, data, root)
    first = {name: written[name] for name in FIRST_VERSION}
    return {**root, **first, "spec": spec, "spec_version": SPEC_VERSIONS[spec], "data": written}


def _extensions(character: CharacterDocument, data: dict[str, Any], root: dict[str, Any]) -> dict[str, Any]:
    extensions: dict[str, Any] = dict(data.get("extensions", {}))
    given = talkativeness_given(data, root)
    if (0 if given is None else coercion.number(given, "talkativeness", 0, 1)) != character.talkativeness:
        extensions["talkativeness"] = character.talkativeness
    own = dict(extensions.pop(OWN_EXTENSION, {}))
    if character.voice:
        own["voice"] = character.voice
    if not character.interruptible:
        own["interruptible"] = False
    return {**extensions, OWN_EXTENSION: own} if own else extensions
