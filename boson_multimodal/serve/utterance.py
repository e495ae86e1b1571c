"""One utterance asked of the scheduler, and where it goes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

from boson_multimodal.serve.watchdog import Watchdog

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from boson_multimodal.model.higgs_audio.sampling import SamplingParams
    from boson_multimodal.serve.slots import Slot

FinishReason = Literal["stop", "length", "cancelled"]


class ColumnSink(Protocol):
    """Where an utterance goes. Called in the scheduler's thread; must not block."""

    def put(self, value: NDArray[np.int64]) -> None:
        """The next column `[C]`, from the all-BOS to the all-EOS one."""

    def end(self, finish_reason: FinishReason) -> None:
        """Nothing follows, and the slot is free."""

    def error(self, error: BaseException) -> None:
        """It failed, nothing follows, and the slot is free."""


@dataclass(eq=False)
class Utterance:
    """One request: the prompt's `rows [L, 1 + C]` (without the BOS column), and at most `max_columns` columns."""

    rows: NDArray[np.int64]
    params: SamplingParams
    max_columns: int
    sink: ColumnSink
    slot: Slot | None = None
    """Where it is served; this and what follows belongs to the scheduler."""
    done: bool = False
    cached: int = 0
    """Positions of the prompt that were in the cache already."""
    position: int = 0
    limit: int = 0
    ended_at: int | None = None
    columns: list[NDArray[np.int64]] = field(default_factory=list)
    watchdog: Watchdog = field(default_factory=Watchdog)
