"""The cast a server starts with: three characters that ship with it, or those of a file."""

from __future__ import annotations

import json
import tomllib
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from backend.character_document import CharacterDocument, CharacterFields, Id
from backend.characters import MAX_CAST, Character
from backend.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

DEFAULT_CAST = (
    Character(
        id="nora",
        name="Nora",
        voice="nova",
        system_prompt=(
            "You are Nora, sixty-one, who navigated cargo ships for thirty years and now repairs clocks in a small "
            "harbour town. You are warm, unhurried and dryly funny. You think in tides, distances and weather, you "
            "ask good questions, and you would rather tell a short true story than give advice."
        ),
    ),
    Character(
        id="oscar",
        name="Oscar",
        voice="onyx",
        system_prompt=(
            "You are Oscar, forty, head cook of a loud little restaurant. You are blunt, quick and generous, and you "
            "measure everything in heat, salt and time. You tease people you like, you hate fuss, and you say what "
            "you think in as few words as it takes."
        ),
    ),
    Character(
        id="iris",
        name="Iris",
        voice="shimmer",
        system_prompt=(
            "You are Iris, twenty-six, a botanist who has just come back from a year in the cloud forest. You are "
            "curious, precise and easily delighted. You notice small things, you admit at once when you do not know "
            "something, and you like to compare people with plants."
        ),
    ),
)


class _FileCharacter(CharacterFields):
    model_config = ConfigDict(extra="forbid")
    id: Id


class _CastFile(BaseModel):
    model_config = ConfigDict(extra="forbid")
    characters: Annotated[list[_FileCharacter], Field(min_length=1, max_length=MAX_CAST)]


def load_cast(path: Path) -> tuple[CharacterDocument, ...]:
    """The characters of a TOML or JSON file: `characters`, a list of `id`, `name`, `voice`, `system_prompt` and all the
    other fields of a character.

    Raises `ConfigurationError` with one line that says what is wrong.
    """
    try:
        text = path.read_text(encoding="utf-8")
        data: object = json.loads(text) if path.suffix.lower() == ".json" else tomllib.loads(text)
        found = _CastFile.model_validate({"characters": data} if isinstance(data, list) else data)
    except OSError as error:
        raise ConfigurationError(f"the characters file {path} cannot be read: {error.strerror}") from error
    except (ValueError, ValidationError) as error:
        problem = error.errors()[0] if isinstance(error, ValidationError) else None
        reason = f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}" if problem else str(error)
        raise ConfigurationError(f"the characters file {path} is not right: {reason}") from error
    if len({character.id for character in found.characters}) < len(found.characters):
        raise ConfigurationError(f"the characters file {path} has an id twice")
    return tuple(
        CharacterDocument.model_validate(character.model_dump(exclude_unset=True)) for character in found.characters
    )


def default_cast() -> tuple[CharacterDocument, ...]:
    """The characters that ship with the server, as they are stored."""
    return tuple(
        CharacterDocument(id=one.id, name=one.name, voice=one.voice, system_prompt=one.system_prompt)
        for one in DEFAULT_CAST
    )


def deal_voices(cast: Iterable[Character], voices: Sequence[str]) -> tuple[Character, ...]:
    """The cast with a voice for everybody: those who name none get voices nobody else has, while they last."""
    characters = list(cast)
    taken = {character.voice for character in characters}
    free = [voice for voice in voices if voice not in taken]
    dealt: list[Character] = []
    for index, character in enumerate(characters):
        if not character.voice and voices:
            voice = free.pop(0) if free else voices[index % len(voices)]
            dealt.append(replace(character, voice=voice))
        else:
            dealt.append(character)
    return tuple(dealt)
