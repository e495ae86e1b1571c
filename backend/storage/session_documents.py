"""What a client has set for its session, as a JSON document, and back."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from backend.characters import Character
from backend.commands import Configure
from backend.engines.interfaces import Generation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from backend.session_settings import SessionSettings

_CHARACTER = TypeAdapter(Character)


def settings_document(settings: SessionSettings, user_name: str) -> dict[str, Any]:
    """Who takes part in the conversation, where they are, and how the language model is asked."""
    return {
        "user_name": user_name,
        "cast": [_as_document(character, settings.stored) for character in settings.cast],
        "generation": asdict(settings.generation),
        "scene": settings.scene,
        "lines_among_themselves": settings.lines_among_themselves,
        "keep_audio": settings.keep_audio,
    }


def configuration(document: Mapping[str, Any], stored: Mapping[str, Character]) -> Configure:
    """What brings a new session to where that one was. Who was a character of the server's is the one that is `stored`
    now, if there still is one."""
    return Configure(
        cast=tuple(_character(entry, stored) for entry in document["cast"]),
        user_name=document["user_name"],
        generation=_generation(document["generation"]),
        scene=document["scene"],
        lines_among_themselves=document["lines_among_themselves"],
        keep_audio=document["keep_audio"],
    )


def _generation(fields: Mapping[str, Any]) -> Generation:
    rest = {name: value for name, value in fields.items() if name != "stop"}
    return Generation(**rest, stop=tuple(fields["stop"]))


def _as_document(character: Character, stored: Mapping[str, Character]) -> dict[str, Any]:
    own = stored.get(character.id)
    is_stored = own is not None and character == replace(own, voice=own.voice or character.voice)
    return {**_CHARACTER.dump_python(character, mode="json"), "stored": is_stored}


def _character(entry: Mapping[str, Any], stored: Mapping[str, Character]) -> Character:
    now = stored.get(entry["id"]) if entry["stored"] else None
    return now or _CHARACTER.validate_python({name: value for name, value in entry.items() if name != "stored"})
