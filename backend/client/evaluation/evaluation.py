"""Plays a corpus to running servers, several sessions at a time."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from backend.client.evaluation.person import observe

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from backend.client.evaluation.corpus import Item
    from backend.client.evaluation.prompter import Prompter
    from backend.client.evaluation.timeline import Observation

STAGGER_S = 0.5
"""Between the beginnings of the sessions, so that they do not all speak at once."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Where and how the items are played; the sessions are dealt out over `urls`."""

    urls: Sequence[str]
    sessions: int
    eagerness: str
    api_key: str | None = None
    prompters: Sequence[Prompter] = ()
    """One for each session, where the servers' recognisers are told what is said."""


async def evaluate(items: Sequence[Item], plan: Plan, progress: Callable[[int], None]) -> list[Observation]:
    """An observation of every item, in order of their numbers. `progress` is told how many are done."""
    waiting = deque(items)
    done: list[Observation] = []

    async def person(index: int) -> None:
        url = plan.urls[index % len(plan.urls)]
        prompter = plan.prompters[index] if plan.prompters else None
        await asyncio.sleep(STAGGER_S * index)
        # The first words make a server load what it loads late; they are not counted.
        await observe(url, items[0], plan.eagerness, plan.api_key, prompter)
        while waiting:
            done.append(await observe(url, waiting.popleft(), plan.eagerness, plan.api_key, prompter))
            progress(len(done))

    await asyncio.gather(*(person(index) for index in range(min(plan.sessions, len(items)))))
    return sorted(done, key=lambda observation: observation.item.number)
