"""What is written down of one session: when the person really spoke, and when which event arrived."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from backend.client.connection import Event
    from backend.client.evaluation.corpus import Item


@dataclass(frozen=True, slots=True)
class Moment:
    """An event and when it arrived, in seconds since the session began."""

    at_s: float
    event: Event


@dataclass(frozen=True, slots=True)
class Spoken:
    """When samples were sent, in seconds since the session began: the first voiced one, the last, and for each pause
    the last one before it and the first one after it."""

    began_s: float
    ended_s: float
    pauses: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Observation:
    """One item, played. `spoken` is `None` when nothing was said; `problem` says why the item could not be played.

    `late_s`: how far the microphone fell behind real time at worst. A busy machine distorts every other time.
    """

    item: Item
    moments: tuple[Moment, ...] = ()
    spoken: Spoken | None = None
    late_s: float = 0.0
    problem: str | None = None
