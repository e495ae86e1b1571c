"""What the Python clients have in common: the lines of the conversation, the person's voice, and what has happened."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import urllib.request
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

RATE_HZ = 24_000
CHUNK_S = 0.05
PATIENCE_S = 30

QUESTION = "What is in the garden today?"
STORY = "Tell me a long story."
CUT_IN = "Please wait I have another question for you."
WEATHER = "What is the weather in Oslo?"
RAIN = "It rains in Oslo."
"""What the tool says."""

LISTENING_S = 3
"""How long the person listens to the story."""


def arguments(description: str | None) -> argparse.Namespace:
    """The server's address and key."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("url", help="ws://HOST:PORT/v1/realtime")
    parser.add_argument("--key", default=os.environ.get("VOICECHAT_API_KEY") or "none", help="where the server has one")
    return parser.parse_args()


async def spoken(url: str, key: str, text: str) -> bytes:
    """The text in one of the server's voices, PCM16 at `RATE_HZ`."""
    speech = url.replace("ws", "http", 1).partition("/v1/")[0] + "/v1/audio/speech"
    headers = {"content-type": "application/json", "authorization": f"Bearer {key}"}
    wish = {"model": "tts-1", "voice": "onyx", "input": text, "response_format": "pcm"}
    request = urllib.request.Request(speech, json.dumps(wish).encode(), headers)
    return await asyncio.to_thread(lambda: urllib.request.urlopen(request).read())


async def chunks(said: asyncio.Queue[bytes]) -> AsyncIterator[bytes]:
    """What a microphone hears, in real time: what is put into `said`, else silence."""
    size, heard = int(RATE_HZ * CHUNK_S) * 2, b""
    loop = asyncio.get_running_loop()
    due = loop.time()
    while True:
        while not said.empty():
            heard += said.get_nowait()
        yield heard[:size].ljust(size, b"\0")
        heard = heard[size:]
        due += CHUNK_S
        await asyncio.sleep(max(0.0, due - loop.time()))


class Happenings:
    """All that has happened, for those who wait for something."""

    def __init__(self) -> None:
        self._all: list[tuple[str, Any]] = []
        self._more = asyncio.Event()

    @property
    def count(self) -> int:
        """How much has happened."""
        return len(self._all)

    def note(self, name: str, detail: Any) -> None:
        """Something has happened."""
        self._all.append((name, detail))
        self._more.set()

    def all(self, name: str, since: int = 0) -> list[Any]:
        """The details of all of that name after the first `since` happenings."""
        return [detail for named, detail in self._all[since:] if named == name]

    async def wait(self, name: str, since: int, asked: Callable[[Any], bool] = lambda _: True) -> Any:
        """The detail of the first of that name that is as `asked`. Raises `AssertionError` where it does not come."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not (found := [detail for detail in self.all(name, since) if asked(detail)]):
                    self._more.clear()
                    await self._more.wait()
        except TimeoutError:
            raise AssertionError(f"nothing {name} within {PATIENCE_S} s") from None
        return found[0]


class Steps:
    """The parts of a conversation, by name. `happenings` of the name "log" are complaints of the client."""

    def __init__(self, happenings: Happenings, steps: Mapping[str, Callable[[], Awaitable[str]]]) -> None:
        self._happenings = happenings
        self._steps = steps

    async def take(self) -> int:
        """Go through all of them and print what came of each. Returns how much was missing or complained of."""
        missing = 0
        for name, step in self._steps.items():
            try:
                print(f"ok       {name}: {await step()}", flush=True)
            except Exception as problem:
                missing += 1
                print(f"MISSING  {name}: {problem!r}", flush=True)
        complaints = self._happenings.all("log")
        for complaint in complaints:
            print(f"LOGGED   {complaint}", flush=True)
        return missing + len(complaints)
