"""Which slot of the decoder holds what, so that a prompt is only prefilled from where it is new.

A slot keeps what its positions hold after its utterance has ended. The next prompt of the same voice begins with just
that, and takes the slot again; a prompt that shares only its opening with another gets a copy of the opening.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from boson_multimodal.model.higgs_audio.decoder import Decoder


def _nothing() -> NDArray[np.int64]:
    return np.empty((0, 0), dtype=np.int64)


@dataclass(slots=True, eq=False)
class Slot:
    """`row` is its place in the decoder; `held [L, 1 + C]` are the rows its first positions were computed from."""

    row: int
    held: NDArray[np.int64] = field(default_factory=_nothing, repr=False)
    busy: bool = False
    used: int = 0


class SlotTable:
    """All slots of a decoder; the active ones are kept at its first rows."""

    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder
        self._slots = [Slot(row) for row in range(decoder.slots)]
        self._active = 0
        self._clock = 0

    @property
    def active(self) -> list[Slot]:
        """The slots that draw columns, in the order of their rows."""
        return self._slots[: self._active]

    @property
    def busy(self) -> int:
        """How many slots are taken."""
        return sum(slot.busy for slot in self._slots)

    def take(self, rows: NDArray[np.int64]) -> Slot | None:
        """A free slot for a prompt of `rows`, holding as much of its beginning as any slot does, never all of it.
        None when every slot is taken."""
        free = [slot for slot in self._slots if not slot.busy]
        if not free:
            return None
        common, donor = max(((common_prefix(slot.held, rows), slot) for slot in self._slots), key=lambda pair: pair[0])
        common = min(common, len(rows) - 1)
        if donor.busy or common * 2 < len(donor.held):
            slot = min(free, key=lambda slot: slot.used)
            if common and slot is not donor:
                self._decoder.cache.copy(donor.row, slot.row, common)
        else:
            slot = donor
        slot.held = rows[:common]
        slot.busy = True
        self._touch(slot)
        return slot

    def activate(self, slot: Slot) -> None:
        """The slot's prompt is complete: move it to the active rows."""
        self._exchange(slot, self._slots[self._active])
        self._active += 1

    def release(self, slot: Slot, held: NDArray[np.int64]) -> None:
        """The slot is free again, and its first positions hold `held`."""
        slot.held = held
        slot.busy = False
        self._touch(slot)
        if slot.row < self._active:
            self._decoder.release(slot.row)
            self._active -= 1
            self._exchange(slot, self._slots[self._active])

    def forget(self) -> None:
        """What idle slots hold is not used again."""
        for slot in self._slots:
            if not slot.busy:
                slot.held = _nothing()

    def _touch(self, slot: Slot) -> None:
        self._clock += 1
        slot.used = self._clock

    def _exchange(self, a: Slot, b: Slot) -> None:
        if a is b:
            return
        # A slot that draws holds more positions than are noted, up to the capacity.
        length = self._decoder.capacity if a.busy or b.busy else max(len(a.held), len(b.held))
        self._decoder.swap(a.row, b.row, length)
        self._slots[a.row], self._slots[b.row] = b, a
        a.row, b.row = b.row, a.row


def common_prefix(a: NDArray[np.int64], b: NDArray[np.int64]) -> int:
    """How many rows `a` and `b` have in common from the beginning."""
    length = min(len(a), len(b))
    if not length:
        return 0
    differs = (a[:length] != b[:length]).any(axis=1)
    return int(differs.argmax()) if differs.any() else length
