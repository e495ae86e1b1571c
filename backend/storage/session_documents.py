"""What a client has set for its session, as a JSON document, and back."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from backend.characters import Character
from backend.commands import Configure
from backend.engines.interfaces import Generation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from backend.session import SessionSettings

_CAST = TypeAdapter(tuple[Character, ...])


def settings_document(settings: SessionSettings, user_name: str) -> dict[str, Any]:
    """Who takes part in the conversation, where they are, and how the language model is asked."""
    return {
        "user_name": user_name,
        "cast": _CAST.dump_python(settings.cast, mode="json"),
        "generation": asdict(settings.generation),
        "scene": settings.scene,
        "lines_among_themselves": settings.lines_among_themselves,
        "keep_audio": settings.keep_audio,
    }


def configuration(document: Mapping[str, Any]) -> Configure:
    """What brings a new session to where that one was."""
    return Configure(
        cast=_CAST.validate_python(document["cast"]),
        user_name=document["user_name"],
        generation=Generation(**document["generation"]),
        scene=document["scene"],
        lines_among_themselves=document["lines_among_themselves"],
        keep_audio=document["keep_audio"],
    )
