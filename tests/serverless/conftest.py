"""What all tests of the worker share."""

from __future__ import annotations

import pytest
from runpod.serverless.modules.rp_logger import RunPodLogger


@pytest.fixture(autouse=True)
def quiet(monkeypatch):
    """The SDK's log has every output in it."""
    monkeypatch.setattr(RunPodLogger, "level", "ERROR")
