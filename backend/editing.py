"""What a client does to the conversation by hand: put lines in, take them out, look at them, say what was heard.

Knows nothing of turns but that a reply under way has to be stopped before it can be cut.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from backend import commands, events
from backend.errors import InvalidRequest, NotFound
from backend.lines import ReplyLine

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from backend.floor import Floor

ROOT = "root"
"""Stands for the beginning of the conversation."""


class Editing:
    """Edits the conversation on `floor`. Every edit is announced; one that cannot be made raises `InvalidRequest`."""

    def __init__(self, floor: Floor, emit: Callable[[events.Event], Awaitable[None]]) -> None:
        self._floor = floor
        self._emit = emit

    async def make(self, edit: commands.Edit) -> None:
        """Carry out one edit."""
        match edit:
            case commands.AddLine():
                await self._add(edit)
            case commands.RemoveLine(id):
                await self._remove(id)
            case commands.ShowLine(id):
                await self._emit(events.LineShown(self._floor.conversation.line(self._place(id))))
            case commands.TruncateLine(id, audio_ms):
                await self._truncate(id, audio_ms)

    async def _add(self, edit: commands.AddLine) -> None:
        conversation = self._floor.conversation
        if conversation.place(edit.line.id) is not None:
            raise InvalidRequest(f"there is an item {edit.line.id!r} already", param="item.id")
        await self._floor.forget_guess()
        after: int | None = None
        if edit.after is not None:
            after = -1 if edit.after == ROOT else self._place(edit.after, "previous_item_id")
        before = conversation.last_id if after is None else None if after < 0 else conversation.line(after).id
        conversation.add(edit.line, after)
        await self._emit(events.LineAdded(edit.line, before))

    async def _remove(self, id: str) -> None:
        conversation = self._floor.conversation
        place = self._place(id)
        await self._floor.forget_guess()
        conversation.remove(place)
        await self._emit(events.LineRemoved(id, conversation.line(place - 1).id if place else None))

    async def _truncate(self, id: str, audio_ms: int) -> None:
        line = self._floor.conversation.line(self._place(id))
        if not isinstance(line, ReplyLine) or line.spoken is None:
            raise InvalidRequest(f"{id!r} was not spoken by a character", param="item_id")
        if self._floor.turn is not None and self._floor.turn.has(line):
            await self._floor.interrupt()
        samples, rate_hz = audio_ms * line.spoken.rate_hz // 1000, line.spoken.rate_hz
        longest_ms = -(-line.spoken.samples * 1000 // rate_hz)
        if audio_ms > longest_ms:
            raise InvalidRequest(f"{id!r} has {longest_ms} ms of audio, not {audio_ms}", param="audio_end_ms")
        line.heard_text = line.spoken.heard_text(line.text, samples)
        await self._emit(events.LineTruncated(id, audio_ms))

    def _place(self, id: str, param: str = "item_id") -> int:
        place = self._floor.conversation.place(id)
        if place is None:
            raise NotFound(f"there is no item {id!r} in the conversation", param)
        return place
