"""`/api/characters`: the stored cast, character cards in and out, portraits."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from fastapi import APIRouter, Request, Response

from backend.cards.names import V2, V3
from backend.cards.png import picture
from backend.cards.reading import MAX_CARD_BYTES, read_card
from backend.cards.writing import json_card, png_card
from backend.engines.bridge import call_in_thread
from backend.errors import InvalidRequest, NotFound
from backend.protocols.characters import (
    FILE,
    Arrangement,
    CharacterChange,
    CharacterDeleted,
    CharacterInfo,
    CharacterList,
    FormatName,
    NewCharacter,
    SpecName,
    shown,
)
from backend.routes.auth import authorized
from backend.routes.connected import while_connected
from backend.routes.forms import read_form
from backend.storage.characters import Brought

if TYPE_CHECKING:
    from backend.server import Server

router = APIRouter(prefix="/api/characters", dependencies=[authorized], tags=["characters"])

_SPECS = {"v2": V2, "v3": V3}
_NOT_A_PAGE = {"x-content-type-options": "nosniff", "content-security-policy": "default-src 'none'; sandbox"}
"""A stranger's file is nothing that a browser runs."""
_PNG: dict[int | str, dict[str, Any]] = {200: {"content": {"image/png": {}}}}
_CARD: dict[int | str, dict[str, Any]] = {200: {"content": {"application/json": {}, "image/png": {}}}}


@router.get("")
async def characters(request: Request) -> CharacterList:
    """Everybody, in scene order."""
    server: Server = request.app.state.server
    return CharacterList.model_construct(characters=[shown(member) for member in server.roster.members.values()])


@router.post("", status_code=201)
async def add_character(request: Request, asked: NewCharacter) -> CharacterInfo:
    """Adds a character, last in the scene. Unless it says otherwise it is enabled, if there is room."""
    server: Server = request.app.state.server
    return shown(await server.roster.add(asked, asked.id, asked.enabled))


@router.put("")
async def arrange_characters(request: Request, asked: Arrangement) -> CharacterList:
    """Puts characters first in the scene."""
    server: Server = request.app.state.server
    await server.roster.arrange(asked.order)
    return await characters(request)


@router.post("/import", status_code=201, openapi_extra={"requestBody": FILE})
async def import_character(request: Request) -> CharacterInfo:
    """Adds the character of an uploaded card: version 1, 2 or 3, PNG or JSON."""
    server: Server = request.app.state.server
    file = await _file(request)
    card = await while_connected(request, call_in_thread(partial(read_card, file), server.decoding))
    return shown(await server.roster.add(card.fields, None, None, Brought(card.kept, card.portrait)))


@router.get("/{character_id}")
async def character(request: Request, character_id: str) -> CharacterInfo:
    """One character."""
    server: Server = request.app.state.server
    return shown(server.roster.member(character_id))


@router.put("/{character_id}")
async def change_character(request: Request, character_id: str, asked: CharacterChange) -> CharacterInfo:
    """Puts the fields that are given in the place of those it has."""
    server: Server = request.app.state.server
    fields = asked.model_dump(exclude_unset=True)
    if asked.enabled is None:
        fields.pop("enabled", None)
    return shown(await server.roster.replace(character_id, fields))


@router.delete("/{character_id}")
async def delete_character(request: Request, character_id: str) -> CharacterDeleted:
    """Forgets a character. Sessions that it is in go on with it."""
    server: Server = request.app.state.server
    await server.roster.delete(character_id)
    return CharacterDeleted(id=character_id)


@router.get("/{character_id}/export", response_class=Response, responses=_CARD)
async def export_character(
    request: Request, character_id: str, format: FormatName = "json", spec: SpecName = "v3"
) -> Response:
    """The character as a card."""
    server: Server = request.app.state.server
    document = server.roster.member(character_id).document
    kept = await server.roster.card(character_id)
    if format == "png":
        portrait = await server.roster.portrait(character_id)
        writing, media_type = partial(png_card, document, kept, portrait, _SPECS[spec]), "image/png"
    else:
        writing, media_type = partial(json_card, document, kept, _SPECS[spec]), "application/json"
    written = await call_in_thread(writing, server.decoding)
    name = f"attachment; filename*=UTF-8''{quote(character_id)}.{format}"
    return Response(written, media_type=media_type, headers={**_NOT_A_PAGE, "content-disposition": name})


@router.get("/{character_id}/portrait", response_class=Response, responses=_PNG)
async def portrait(request: Request, character_id: str) -> Response:
    """What the character looks like."""
    server: Server = request.app.state.server
    found = await server.roster.portrait(character_id)
    if found is None:
        raise NotFound(f"the character {character_id!r} has no portrait")
    return Response(found, media_type="image/png", headers={**_NOT_A_PAGE, "cache-control": "no-cache"})


@router.put("/{character_id}/portrait", openapi_extra={"requestBody": FILE})
async def change_portrait(request: Request, character_id: str) -> CharacterInfo:
    """Gives the character an uploaded portrait, PNG."""
    server: Server = request.app.state.server
    server.roster.member(character_id)
    file = await _file(request)
    found = await while_connected(request, call_in_thread(partial(picture, file), server.decoding))
    return shown(await server.roster.set_portrait(character_id, found))


@router.delete("/{character_id}/portrait")
async def delete_portrait(request: Request, character_id: str) -> CharacterInfo:
    """Takes the character's portrait away."""
    server: Server = request.app.state.server
    return shown(await server.roster.set_portrait(character_id, None))


async def _file(request: Request) -> bytes:
    _, file = await read_form(request, "file", MAX_CARD_BYTES)
    if not file:
        raise InvalidRequest("file: an uploaded file is required", param="file")
    return file
