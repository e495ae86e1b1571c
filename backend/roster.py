"""The cast as it is now: the stored characters in scene order, and those of them that a session starts with.

It is read at start and after every change, also one that another server makes in the same PostgreSQL database, so a
session looks at memory only.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
import unicodedata
from contextlib import aclosing
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from backend.character_document import CharacterDocument
from backend.characters import MAX_CAST
from backend.errors import ConfigurationError, Conflict, NotFound, StorageError
from backend.storage.characters import Brought, Cast, StoredCast, StoredCharacter

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from backend.character_document import CharacterFields
    from backend.characters import Character
    from backend.storage.tables import Document

log = logging.getLogger(__name__)

MAX_CHARACTERS = 200
FOLLOWS_AGAIN_AFTER_S = 2.0
"""When the database did not do its work."""
_ID_CHARACTERS = 48


@dataclass(frozen=True, slots=True)
class Member:
    """A stored character."""

    stored: StoredCharacter
    document: CharacterDocument
    character: Character


class Roster:
    """Every change raises `Conflict`, `NotFound` or `TooLarge` where it is not possible, and `StorageError` when the
    database does not do its work; nothing has changed then."""

    def __init__(self, stored: StoredCast, clock: Callable[[], float] = time.time) -> None:
        self._stored = stored
        self._clock = clock
        self.members: Mapping[str, Member] = {}
        """Everybody, in scene order, by id."""
        self._characters: dict[str, Character] = {}
        self.characters: Mapping[str, Character] = MappingProxyType(self._characters)
        """Everybody as it is at any time: a view, which those who hold it need not ask for again."""
        self.cast: tuple[Character, ...] = ()
        """Who is enabled."""

    async def open(self, given: Sequence[CharacterDocument], default: Sequence[CharacterDocument]) -> None:
        """Read the cast. Characters that are `given` are put in front of it, in the place of those with their ids, and
        are the only ones enabled; into an empty cast come those of `default`.

        Raises `ConfigurationError` when there is no room for them.
        """
        now = self._clock()

        def opened(cast: Cast) -> Cast:
            first = [_stored(document, now, cast) for document in given or (() if cast else default)]
            ids = {stored.id for stored in first}
            rest = [stored for stored in cast if stored.id not in ids]
            if len(first) + len(rest) > MAX_CHARACTERS:
                raise ConfigurationError(f"{MAX_CHARACTERS} characters are stored at most; delete some first")
            return [*first, *([_disabled(stored) for stored in rest] if given else rest)]

        await self._change(opened)

    async def follow(self) -> None:
        """Keep up with what other servers change, until cancelled."""
        while True:
            try:
                async with aclosing(self._stored.changes()) as changes:
                    async for cast in changes:
                        self._know(cast)
            except (StorageError, ValueError) as error:  # also a document that a newer server has written
                log.warning("the cast may not be what other servers have made it: %s", error)
                await asyncio.sleep(FOLLOWS_AGAIN_AFTER_S)

    async def add(
        self, fields: CharacterFields, id: str | None, enabled: bool | None, brought: Brought | None = None
    ) -> Member:
        """A new character, last in the scene. Without an `id` it gets one made from its name; unless it is said, it is
        enabled if there is room."""
        now = self._clock()
        added = ""

        def edit(cast: Cast) -> Cast:
            nonlocal added
            taken = {stored.id for stored in cast}
            if id in taken:
                raise Conflict(f"there is a character {id!r} already", "id")
            if len(cast) >= MAX_CHARACTERS:
                raise Conflict(f"{MAX_CHARACTERS} characters are stored at most; delete one first")
            room = sum(map(_is_enabled, cast)) < MAX_CAST
            added = id or id_for(fields.name, taken)
            own = {"id": added, "name": fields.name or added, "enabled": room if enabled is None else enabled}
            document = CharacterDocument.model_validate({**fields.model_dump(exclude_unset=True), **own})
            new = _stored(document, now, [])
            return [*cast, replace(new, has_portrait=brought is not None and brought.portrait is not None)]

        await self._change(edit, brought)
        return self.members[added]

    async def replace(self, id: str, fields: Document) -> Member:
        """Put these fields of a character in the place of those it has."""

        def edit(cast: Cast) -> Cast:
            document = CharacterDocument.model_validate({**_found(cast, id).document, **fields, "id": id})
            changed = _stored(document, self._clock(), cast)
            return [changed if stored.id == id else stored for stored in cast]

        await self._change(edit)
        return self.members[id]

    async def delete(self, id: str) -> None:
        """Forget a character. A session that it is in goes on with it."""

        def edit(cast: Cast) -> Cast:
            gone = _found(cast, id)
            return [stored for stored in cast if stored is not gone]

        await self._change(edit)

    async def arrange(self, ids: Sequence[str]) -> None:
        """Put these characters first in the scene, in this order."""

        def edit(cast: Cast) -> Cast:
            first = [_found(cast, id) for id in dict.fromkeys(ids)]
            return [*first, *(stored for stored in cast if stored not in first)]

        await self._change(edit)

    async def set_portrait(self, id: str, portrait: bytes | None) -> Member:
        """Give a character a portrait (PNG), or take it away."""
        self.member(id)
        self._know(await self._stored.set_portrait(id, portrait, self._clock()))
        return self.member(id)

    def member(self, id: str) -> Member:
        """The character of that id. Raises `NotFound`."""
        if id not in self.members:
            raise NotFound(f"there is no character {id!r}", "id")
        return self.members[id]

    async def card(self, id: str) -> Document:
        """What its card says beyond its document."""
        return await self._stored.card(self.member(id).stored.id) or {}

    async def portrait(self, id: str) -> bytes | None:
        """Its portrait, PNG."""
        return await self._stored.portrait(self.member(id).stored.id)

    async def _change(self, edit: Callable[[Cast], Cast], brought: Brought | None = None) -> None:
        def checked(cast: Cast) -> Cast:
            after = edit(cast)
            enabled = sum(map(_is_enabled, after))
            if enabled == 0:
                raise Conflict("somebody must be there to talk with: the last enabled character stays", "enabled")
            if enabled > MAX_CAST:
                raise Conflict(f"{MAX_CAST} characters are enabled at most; disable one first", "enabled")
            return after

        self._know(await self._stored.change(checked, brought))

    def _know(self, cast: Cast) -> None:
        """The cast is what was just read; those that are as they were need not be understood again."""
        members = [self._member(stored) for stored in cast]
        self.members = {member.stored.id: member for member in members}
        self._characters.clear()
        self._characters.update({member.stored.id: member.character for member in members})
        self.cast = tuple(member.character for member in members if member.document.enabled)

    def _member(self, stored: StoredCharacter) -> Member:
        known = self.members.get(stored.id)
        if known is not None and known.stored.document == stored.document:
            return replace(known, stored=stored)
        document = CharacterDocument.model_validate(stored.document)
        return Member(stored, document, document.character())


def id_for(name: str, taken: set[str]) -> str:
    """An id that is not `taken`, of a name's Latin letters and digits; nothing else of the name is in it."""
    latin = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    base = re.sub("[^a-z0-9]+", "-", latin)[:_ID_CHARACTERS].strip("-") or "character"
    number = 1
    while (id := base if number == 1 else f"{base}-{number}") in taken:
        number += 1
    return id


def _stored(document: CharacterDocument, now: float, cast: Cast) -> StoredCharacter:
    """`document` as it is stored from `now` on, in the place of the one of `cast` with its id."""
    values = document.document()
    before = next((stored for stored in cast if stored.id == document.id), None)
    if before is None:
        return StoredCharacter(document.id, values, now, now)
    return before if before.document == values else replace(before, document=values, updated_at=now)


def _disabled(stored: StoredCharacter) -> StoredCharacter:
    return replace(stored, document={**stored.document, "enabled": False})


def _is_enabled(stored: StoredCharacter) -> bool:
    return bool(stored.document.get("enabled", True))


def _found(cast: Cast, id: str) -> StoredCharacter:
    for stored in cast:
        if stored.id == id:
            return stored
    raise NotFound(f"there is no character {id!r}", "id")
