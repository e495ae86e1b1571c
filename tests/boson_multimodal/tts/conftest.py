"""For all tests of engines."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def little_garbage() -> Iterator[None]:
    """What was there before is not searched for garbage: with all the libraries that takes a quarter of a second."""
    gc.freeze()
    yield
    gc.unfreeze()
