"""What all tests share: virtual time where it is asked for, and no task left behind anywhere."""

from __future__ import annotations

import asyncio

import pytest_asyncio
from hypothesis import settings

from tests.virtual_time import VirtualTimeLoop

# A commit passes or fails the same way each time; `--hypothesis-profile=default` draws fresh examples.
settings.register_profile("repeatable", derandomize=True)
settings.load_profile("repeatable")


def pytest_asyncio_loop_factories(config, item):
    """Tests marked `virtual_time` run on a loop whose clock jumps."""
    if item.get_closest_marker("virtual_time"):
        return {"virtual": VirtualTimeLoop}
    return {"real": asyncio.SelectorEventLoop}


@pytest_asyncio.fixture(autouse=True)
async def no_leaked_tasks(request):
    """A test that leaves a task running has not shown that the code under test cleans up."""
    before = asyncio.all_tasks()
    yield
    leaked = [task for task in asyncio.all_tasks() - before - {asyncio.current_task()} if not task.done()]
    assert not leaked, f"tasks left behind: {leaked}"
