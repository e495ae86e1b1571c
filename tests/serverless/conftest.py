"""What all tests of the worker share."""

from __future__ import annotations

import pytest
from runpod.serverless.modules.rp_logger import RunPodLogger

from tests.serverless.s3_server import s3_server


@pytest.fixture(autouse=True)
def quiet(monkeypatch):
    """The SDK's log has every output in it."""
    monkeypatch.setattr(RunPodLogger, "level", "ERROR")


@pytest.fixture(autouse=True)
def nobody(monkeypatch, tmp_path):
    """No keys and no settings of the developer's own."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture
def server(monkeypatch):
    """An S3 server, and the variables that RunPod has for it."""
    with s3_server() as running:
        monkeypatch.setenv("BUCKET_ENDPOINT_URL", running.url)
        monkeypatch.setenv("BUCKET_ACCESS_KEY_ID", "key")
        monkeypatch.setenv("BUCKET_SECRET_ACCESS_KEY", "secret")
        yield running
