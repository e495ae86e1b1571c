"""`/v1/models` with the official client."""

from __future__ import annotations

import openai
import pytest

from tests.routes.test_speech import server


async def test_models():
    """Clients that look for a model before they ask find the usual names."""
    async with server() as (client, _):
        names = {model.id async for model in await client.models.list()}
        assert {"tts-1", "whisper-1"} <= names
        assert (await client.models.retrieve("tts-1")).id == "tts-1"
        with pytest.raises(openai.NotFoundError, match="tts-1"):
            await client.models.retrieve("gpt-7")
