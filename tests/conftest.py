"""What all tests share: virtual time where it is asked for, and no task left behind anywhere."""

from __future__ import annotations

import asyncio
import gc
import os
import shutil

import pytest
import pytest_asyncio
from hypothesis import settings

from backend.storage.database import Database
from tests.tasks import none_left_behind
from tests.virtual_time import VirtualTimeLoop

# A commit passes or fails the same way each time; `--hypothesis-profile=default` draws fresh examples.
settings.register_profile("repeatable", derandomize=True)
settings.load_profile("repeatable")


# Models are tiny: threads that share one wait for each other far longer than they work. PyTorch reads this when it is
# imported, which the conftest.py of a folder may do before any hook is called.
os.environ["OMP_NUM_THREADS"] = "1"
# No test leaves this machine, so HTTP clients find no certificates, which each of them would take 40 ms to read.
os.environ.pop("SSL_CERT_FILE", None)
os.environ["SSL_CERT_DIR"] = os.devnull


def pytest_asyncio_loop_factories(config, item):
    """Tests marked `virtual_time` run on a loop whose clock jumps."""
    if item.get_closest_marker("virtual_time"):
        return {"virtual": VirtualTimeLoop}
    return {"real": asyncio.SelectorEventLoop}


@pytest.fixture(scope="module", autouse=True)
def little_garbage():
    """What is there before a module's tests is not searched for garbage: with all the libraries that takes a quarter of
    a second each time."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def empty_data_dir(tmp_path_factory):
    """A data folder with a database in which nothing is kept yet: making one takes longer than most tests."""
    folder = tmp_path_factory.mktemp("empty")

    async def make() -> None:
        async with Database(folder / "voicechat.db"):
            pass

    asyncio.run(make())
    return folder


@pytest.fixture(autouse=True)
def data_dir(empty_data_dir, tmp_path, monkeypatch):
    """Servers keep what lasts here, and not where people's own is."""
    folder = tmp_path / "data"
    shutil.copytree(empty_data_dir, folder)
    monkeypatch.setenv("VOICECHAT_DATA_DIR", str(folder))
    return folder


@pytest_asyncio.fixture(autouse=True)
async def no_leaked_tasks():
    """Nothing is left running, by any test."""
    with none_left_behind():
        yield
