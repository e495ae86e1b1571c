"""What stands in the store of the lines that a conversation has in memory, and where each stands.

Knows nothing of when it is written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from backend.lines import ReplyLine
from backend.storage.conversations import StoredLine
from backend.storage.line_documents import document_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from backend.lines import Line


class KeptLines:
    """Lines stand in the order of their positions, which have gaps where something was taken out."""

    def __init__(self, lines: Iterable[StoredLine] = ()) -> None:
        """`lines`: what stands there, oldest first."""
        self._lines = {line.id: line for line in lines}
        self._last_position = max((line.position for line in self._lines.values()), default=-1)
        """Of all lines in the store, those included that memory has forgotten for their age."""

    def changed(
        self, lines: Sequence[Line], turn_of: Mapping[str, int], said_at: Callable[[Line], float]
    ) -> list[StoredLine]:
        """`lines` as they are to be kept, of those that are not kept so. An open reply is none yet."""
        changed: list[StoredLine] = []
        position: int | None = None
        for line in lines:
            before = self._lines.get(line.id)
            if position is None:
                position = self._first_position(lines)
            elif before is not None and before.position > position:
                position = before.position
            else:
                position += 1
            if isinstance(line, ReplyLine) and line.outcome is None:
                continue
            at = before.at if before else said_at(line)
            now = StoredLine(line.id, position, turn_of.get(line.id), at, document_of(line))
            if now != before:
                changed.append(now)
        return changed

    def written(self, lines: Sequence[StoredLine], present: set[str]) -> None:
        """These stand there now. What is not `present` in memory any more is of no interest."""
        self._lines |= {line.id: line for line in lines}
        self._last_position = max([self._last_position, *(line.position for line in lines)])
        self._lines = {id: line for id, line in self._lines.items() if id in present}

    def take_out(self, ids: set[str]) -> None:
        """These were removed."""
        self._lines = {id: line for id, line in self._lines.items() if id not in ids}

    def _first_position(self, lines: Sequence[Line]) -> int:
        """Before all that are known; where nothing is, after whatever was forgotten."""
        first = next((line.position for line in map(self._find, lines) if line is not None), None)
        if first is None:
            return self._last_position + 1
        return first if self._find(lines[0]) is not None else first - 1

    def _find(self, line: Line) -> StoredLine | None:
        return self._lines.get(line.id)
