#!/usr/bin/env python3
"""A language model that follows a script, behind OpenAI's chat API; so that what the clients see does not depend on a
model's mood. Needs nothing but Python. Prints its address.

What it answers to: a tool's output, by saying it; "weather" with tools there, by a call; "story", by a long answer;
anything else, by saying it again.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

TOKEN_S = 0.02
STORY = " ".join(
    f"On day {day} the ship sailed on, the wind came from the west, and nobody on board saw any land."
    for day in ("one", "two", "three", "four", "five", "six", "seven", "eight")
)


def answer(body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The deltas of the answer to a chat completion request."""
    messages = body["messages"]
    said = str(messages[-1]["content"])
    if messages[-1]["role"] == "tool":
        yield from _words(f"I have looked it up for you. {messages[-1]['content']}")
    elif "weather" in said.lower() and body.get("tools"):
        yield from _call(body["tools"][0]["function"])
    elif "story" in said.lower():
        yield from _words(STORY)
    else:
        yield from _words(f"You said: {said} I am glad to hear that from you.")


def _words(text: str) -> Iterator[dict[str, Any]]:
    for index, word in enumerate(text.split()):
        yield {"content": f" {word}" if index else word}


def _call(function: dict[str, Any]) -> Iterator[dict[str, Any]]:
    properties = (function.get("parameters") or {}).get("properties") or {}
    arguments = json.dumps(dict.fromkeys(properties, "Oslo"))
    yield {"tool_calls": [{"index": 0, "id": "call_weather", "function": {"name": function["name"], "arguments": ""}}]}
    middle = len(arguments) // 2
    for piece in (arguments[:middle], arguments[middle:]):
        yield {"tool_calls": [{"index": 0, "function": {"arguments": piece}}]}


class Handler(BaseHTTPRequestHandler):
    """`POST /v1/chat/completions`, streamed."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        called = False
        try:
            for delta in answer(body):
                called = called or "tool_calls" in delta
                self._chunk(delta, None)
                time.sleep(TOKEN_S)
            self._chunk({}, "tool_calls" if called else "stop")
            self.wfile.write(b"data: [DONE]\n\n")
        except (BrokenPipeError, ConnectionResetError):
            pass  # an interrupted answer

    def _chunk(self, delta: dict[str, Any], reason: str | None) -> None:
        choice = {"index": 0, "delta": delta, "finish_reason": reason}
        chunk = {"id": "scripted", "object": "chat.completion.chunk", "created": 0, "model": "scripted"}
        self.wfile.write(f"data: {json.dumps({**chunk, 'choices': [choice]})}\n\n".encode())
        self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0: pick one")
    server = ThreadingHTTPServer(("127.0.0.1", parser.parse_args().port), Handler)
    print(f"http://127.0.0.1:{server.server_port}/v1", flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        server.serve_forever()
