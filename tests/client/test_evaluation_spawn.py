"""The evaluation's own servers, as real processes."""

from __future__ import annotations

import pytest

from backend.client.connection import ConnectionFailed, connect
from backend.client.evaluation.spawn import servers

NO_MODEL = "http://127.0.0.1:9/v1"


async def test_a_server_is_there_when_its_engines_are():
    """What is measured first does not wait for a recogniser that is still being loaded."""
    async with servers(1, "offline", NO_MODEL) as [url], connect(url, None) as connection:
        assert all(engine["ready"] for engine in connection.ready["engines"].values())


@pytest.mark.parametrize(("stt", "said"), [("nonsense", "did not start"), ("faster-whisper", "not ready")])
async def test_a_server_that_cannot_serve_is_an_error(stt, said, monkeypatch, tmp_path):
    """One that ends, and one whose recogniser cannot be had, is no server to measure."""
    monkeypatch.setenv("VOICECHAT_STT_MODEL", str(tmp_path / "nothing"))
    with pytest.raises(ConnectionFailed, match=said):
        async with servers(1, stt, NO_MODEL):
            pass
