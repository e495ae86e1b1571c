"""What a test leaves running."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def none_left_behind() -> Iterator[None]:
    """A test that leaves a task running in this loop has not shown that the code under test cleans up."""
    before = asyncio.all_tasks()
    yield
    leaked = [task for task in asyncio.all_tasks() - before - {asyncio.current_task()} if not task.done()]
    assert not leaked, f"tasks left behind: {leaked}"
