"""Edits of the conversation over a real socket, as clients of OpenAI's make them."""

from __future__ import annotations

import json

from websockets.asyncio.client import connect

from backend.app import create_app
from backend.settings import Settings
from tests.openai_server import serve_app

HELLO = {"id": "msg_hello", "type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hello."}]}


async def test_edits_of_items_that_are_not_there_are_told_apart():
    """Each edit that cannot be made is answered with OpenAI's own code for it, and the session goes on."""
    app = create_app(Settings(stt="offline", llm="offline", tts="offline"))
    async with serve_app(app) as (port, _), connect(f"ws://127.0.0.1:{port}/v1/realtime?model=guide") as socket:

        async def answers(count: int, **event):
            await socket.send(json.dumps(event))
            return [json.loads(await socket.recv()) for _ in range(count)]

        assert [json.loads(await socket.recv())["type"] for _ in range(2)] == [
            "session.created",
            "conversation.created",
        ]
        for edit in ("retrieve", "delete", "truncate"):
            more = {"content_index": 0, "audio_end_ms": 10} if edit == "truncate" else {}
            [refused] = await answers(1, type=f"conversation.item.{edit}", item_id="x", event_id=edit, **more)
            assert refused["error"]["code"] == f"item_{edit}_invalid_item_id"
            assert refused["error"]["event_id"] == edit
        await answers(2, type="conversation.item.create", item=HELLO)
        [again] = await answers(1, type="conversation.item.create", item=HELLO, event_id="again")
        assert again["error"]["code"] == "item_create_duplicate_item_id"
        assert (again["error"]["type"], again["error"]["event_id"]) == ("invalid_request_error", "again")
        [shown] = await answers(1, type="conversation.item.retrieve", item_id="msg_hello")
        assert shown["item"]["content"][0]["text"] == "Hello."
