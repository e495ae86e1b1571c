#!/usr/bin/env python3
"""Kills a server in the middle of conversations, again and again, and looks whether anything that was over is lost.

A client types, sometimes cuts in, and notes every turn whose end it is told. At a random moment the server is killed
(SIGKILL). The next one must open the same database, and every noted turn must be there as it was told. The client
then goes on with the same conversation. Prints one line per kill that lost something, and a summary.
"""

import argparse
import asyncio
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PYTHON = ROOT / ".venv" / "bin" / "python"

if PYTHON.exists() and Path(sys.prefix) != ROOT / ".venv":
    os.execv(PYTHON, [str(PYTHON), __file__, *sys.argv[1:]])

sys.path.insert(0, str(ROOT))

from backend.client.connection import (  # noqa: E402
    AudioFrame,
    ConnectionFailed,
    connect,
    interrupt,
    playback_position,
    user_text,
)

LINES = ("Nora, what is the weather?", "Oscar and Iris, are you hungry?", "Everybody, who is there?", "Go on.")
CUTS_IN = 0.3
LONGEST_LIFE_S = 2.5
TURNS_PER_CONVERSATION = 40


class Witness:
    """What a client was told of one conversation: turns that are over, by their number in it."""

    def __init__(self) -> None:
        self.conversation = ""
        self.turns: dict[int, list[tuple[str, str, str]]] = {}
        self._before = 0
        """Turns of earlier sessions, those included that a kill has cut short."""

    async def talk(self, url: str, chance: random.Random) -> None:
        """Talk until the server is gone."""
        query = f"?conversation={self.conversation}" if self.conversation else ""
        async with connect(url + query) as client:
            if self.turns and client.ready["conversation"] != self.conversation:
                raise SystemExit(f"the conversation {self.conversation} is not there any more")
            self.conversation = client.ready["conversation"]
            while True:
                await client.send(user_text(chance.choice(LINES)))
                await self._hear(client, interrupt_after=chance.randrange(30) if chance.random() < CUTS_IN else None)

    async def _hear(self, client, interrupt_after: int | None) -> None:
        replies: list[tuple[str, str, str]] = []
        frames = 0
        async for event in client:
            match event:
                case AudioFrame():
                    frames += 1
                    if frames == interrupt_after:
                        await client.send(interrupt())
                    await client.send(playback_position(event.turn, event.reply, event.first_sample + event.samples))
                case {"type": "reply.done"}:
                    replies.append((event["outcome"], event["text"], event["heard_text"]))
                case {"type": "turn.done", "turn": turn}:
                    self.turns[self._before + turn] = replies
                    return
                case _:
                    pass

    def lost(self, kept: dict) -> list[str]:
        """What the server does not know as it was told. Further turns come after all that it does know."""
        self._before = max((turn["turn"] for turn in kept["turns"]), default=0)
        known = {
            turn["turn"]: [(reply["outcome"], reply["text"], reply["heard_text"]) for reply in turn["replies"]]
            for turn in kept["turns"]
        }
        return [
            f"turn {turn} was {replies}, is {known.get(turn)}"
            for turn, replies in self.turns.items()
            if not _holds(known.get(turn, []), replies)
        ]


def _holds(kept: list[tuple[str, str, str]], told: list[tuple[str, str, str]]) -> bool:
    """Whether the replies are kept as they were told; reports that came after a cut may have told of more heard."""
    return len(kept) == len(told) and all(
        k[:2] == t[:2] and k[2].startswith(t[2]) for k, t in zip(kept, told, strict=True)
    )


class Server:
    """A server in a process of its own, over `storage` (options)."""

    def __init__(self, storage: list[str]) -> None:
        options = ["--port", "0", "--stt", "offline", "--llm", "offline", "--tts", "offline", "--log-level", "warning"]
        command = [sys.executable, "-m", "backend.cli", "serve", *options, *storage]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        self.address = ""
        for line in self._process.stdout:
            if "listens on http://" in line:
                self.address = line.split("http://")[1].strip()
            if line.startswith("voicechat is ready"):
                return
        raise SystemExit("the server did not start")

    def read(self, conversation: str) -> dict:
        """The conversation as the API has it."""
        with urllib.request.urlopen(f"http://{self.address}/api/conversations/{conversation}", timeout=10) as answer:
            return json.load(answer)

    def kill(self) -> None:
        """As a crash would."""
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()


async def live(server: Server, witness: Witness, chance: random.Random) -> None:
    """Let the client talk and kill the server somewhere in the middle."""

    async def end() -> None:
        await asyncio.sleep(chance.uniform(0, LONGEST_LIFE_S))
        server.kill()

    ending = asyncio.create_task(end())
    with contextlib.suppress(ConnectionFailed):
        await witness.talk(f"ws://{server.address}/ws", chance)
    await ending


def main() -> int:
    """Exit status 1 when something was lost."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=100, help="how often (default: 100)")
    parser.add_argument("--seed", type=int, default=0, help="of the random moments (default: 0)")
    parser.add_argument("--database-url", help="PostgreSQL instead of an SQLite file in a temporary folder")
    args = parser.parse_args()
    chance = random.Random(args.seed)
    witness, kills_with_loss, turns, conversations = Witness(), 0, 0, 1
    with tempfile.TemporaryDirectory() as folder:
        storage = ["--database-url", args.database_url] if args.database_url else ["--data-dir", folder]
        server = Server(storage)
        for kill in range(1, args.kills + 1):
            before = len(witness.turns)
            asyncio.run(live(server, witness, chance))
            turns += len(witness.turns) - before
            server = Server(storage)
            if not witness.turns:
                witness = Witness()  # a conversation in which nothing was over need not be there
                continue
            lost = witness.lost(server.read(witness.conversation))
            if lost:
                kills_with_loss += 1
                print(f"kill {kill}:", *lost, sep="\n  ", flush=True)
            if len(witness.turns) >= TURNS_PER_CONVERSATION:
                witness, conversations = Witness(), conversations + 1
        server.kill()
    print(f"{args.kills} kills, {conversations} conversations, {turns} turns over, {kills_with_loss} kills lost any")
    return 1 if kills_with_loss else 0


if __name__ == "__main__":
    sys.exit(main())
