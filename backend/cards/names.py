"""What cards call things, and what of it has a place in a character.

Formats: https://github.com/malfoyslastname/character-card-spec-v2, https://github.com/kwaroran/character-card-spec-v3.
"""

from __future__ import annotations

from typing import Any

from backend.cleaning import as_object

V2, V3 = "chara_card_v2", "chara_card_v3"
SPEC_VERSIONS = {V2: "2.0", V3: "3.0"}
CHUNKS = {V3: "ccv3", V2: "chara"}
"""The keywords of the texts in a PNG file, the better one first."""

TEXTS = {
    "description": "description",
    "personality": "personality",
    "scenario": "scenario",
    "first_mes": "first_message",
    "mes_example": "example_dialogue",
    "system_prompt": "system_prompt",
    "post_history_instructions": "post_history_instructions",
}
"""Fields of a card, and of a character."""

FIRST_VERSION = ("name", "description", "personality", "scenario", "first_mes", "mes_example")
"""What a card of version 1 is; later ones say it at the top as well, for old tools."""

PYGMALION = {
    "char_name": "name",
    "char_persona": "description",
    "world_scenario": "scenario",
    "char_greeting": "first_mes",
    "example_dialogue": "mes_example",
}
"""What Pygmalion and text-generation-webui call them."""

DEFAULTS: dict[str, Any] = {
    "creator_notes": "",
    "tags": [],
    "creator": "",
    "character_version": "",
    "extensions": {},
}
"""What every card has and no character does."""
V3_DEFAULTS: dict[str, Any] = {"group_only_greetings": []}
"""What every card of version 3 has besides."""

OWN_EXTENSION = "voicechat"
OWN_FIELDS = ("voice", "interruptible")
"""Holds what a character has and no card does."""


def talkativeness_given(data: dict[str, Any], root: dict[str, Any]) -> Any:
    """What SillyTavern has written of it, in its later place, or else in its earlier ones."""
    places = (as_object(data.get("extensions")), data, root)
    return next((place["talkativeness"] for place in places if place.get("talkativeness") is not None), None)
