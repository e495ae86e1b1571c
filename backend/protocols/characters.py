"""`/api/characters`: what is asked and answered. No I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, Field

from backend.character_document import CharacterDocument, CharacterFields, Id

if TYPE_CHECKING:
    from backend.roster import Member

FormatName = Literal["json", "png"]
SpecName = Literal["v2", "v3"]


class CharacterChange(CharacterFields):
    """Fields of a character; those that are left out stay as they are. Fields that are not known are ignored."""

    enabled: bool | None = None


class NewCharacter(CharacterChange):
    """A character to add. Without an id it gets one made from its name."""

    id: Id | None = None


class CharacterInfo(CharacterDocument):
    """A stored character."""

    created_at: float = Field(description="Unix time in seconds")
    updated_at: float = Field(description="Unix time in seconds")
    has_portrait: bool


class CharacterList(BaseModel):
    """All of them, in scene order."""

    characters: list[CharacterInfo]


class Arrangement(BaseModel):
    """Who comes first in the scene, in this order; the others follow as they were."""

    order: Annotated[list[str], Field(max_length=200)]


class CharacterDeleted(BaseModel):
    """The answer to a deletion."""

    id: str
    deleted: bool = True


def shown(member: Member) -> CharacterInfo:
    """A stored character as it is answered."""
    return CharacterInfo.model_construct(
        **dict(member.document),
        created_at=member.stored.created_at,
        updated_at=member.stored.updated_at,
        has_portrait=member.stored.has_portrait,
    )


FILE: dict[str, object] = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "properties": {"file": {"type": "string", "format": "binary"}},
                "required": ["file"],
            }
        }
    },
}
"""A form with a file, for the OpenAPI document."""
