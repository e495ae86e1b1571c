#!/usr/bin/env python3
"""Cuts the connection of somebody who listens, again and again, and looks whether anything is missing or wrong then.

A client types and plays the answer in real time. At random moments its socket is torn off, and it comes back with its
resume token after a while. What it gets must continue at the sample it needs next, what comes again must be the same
samples, and when the turn is over all of every reply must have been there and count as heard. Prints a summary.
"""

import argparse
import asyncio
import json
import os
import random
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PYTHON = ROOT / ".venv" / "bin" / "python"

if PYTHON.exists() and Path(sys.prefix) != ROOT / ".venv":
    os.execv(PYTHON, [str(PYTHON), __file__, *sys.argv[1:]])

sys.path.insert(0, str(ROOT))

from websockets.asyncio.client import connect  # noqa: E402

from backend.client.connection import parse_frame, playback_position, user_text  # noqa: E402
from backend.client.evaluation.spawn import server  # noqa: E402

RATE_HZ = 24_000
REPORTED_EVERY_S = 0.2
LONGEST_GAP_S = 2.0
LINES = ("Nora, tell me what the sea is like.", "Oscar and Iris, who are you?", "Everybody, what are you doing today?")


class Listener:
    """Hears one turn, over as many connections as it takes."""

    def __init__(self) -> None:
        self.token = ""
        self.turn = 0
        self.over = False
        self.replies: dict[int, bytearray] = {}
        self.outcomes: dict[int, tuple[str, bool]] = {}
        self.faults: list[str] = []
        self.again = 0
        """Samples that came a second time."""
        self._played: dict[int, int] = {}

    async def ask(self, socket, line: str) -> None:
        """Say something; returns when a turn answers it."""
        before = self.turn
        await socket.send(json.dumps(user_text(line)))
        while self.turn == before:
            self._take(await socket.recv())

    async def hear(self, socket, rest_s: float | None) -> None:
        """Until the turn is over, or for so many seconds."""
        playing = asyncio.create_task(self._play(socket))
        try:
            async with asyncio.timeout(rest_s):
                while not self.over:
                    self._take(await socket.recv())
        except TimeoutError:
            pass
        finally:
            playing.cancel()
            await asyncio.wait((playing,))

    async def _play(self, socket) -> None:
        """What has come, one reply after another, as a sound card would."""
        while True:
            await asyncio.sleep(REPORTED_EVERY_S)
            rest = round(REPORTED_EVERY_S * RATE_HZ)
            for reply, pcm in sorted(self.replies.items()):
                more = min(rest, len(pcm) // 2 - self._played.get(reply, 0))
                rest -= more
                self._played[reply] = self._played.get(reply, 0) + more
                if more:
                    await socket.send(json.dumps(playback_position(self.turn, reply, self._played[reply])))

    def _take(self, message: str | bytes) -> None:
        if isinstance(message, bytes):
            self._take_frame(parse_frame(message))
            return
        match json.loads(message):
            case {"type": "session.ready", "resume_token": token, **rest}:
                if self.token and token != self.token:
                    self.faults.append("another session")
                self.token = token
                self._take_newest(rest.get("newest_turn"))
            case {"type": "turn.started", "turn": turn}:
                self.turn, self.over = turn, False
                self.replies.clear()
                self.outcomes.clear()
                self._played.clear()
            case {"type": "reply.done", "turn": self.turn, "reply": reply} as done:
                if reply in self.outcomes:
                    self.faults.append(f"reply {reply} ended twice")
                self.outcomes[reply] = done["outcome"], done["text"] == done["heard_text"]
            case {"type": "turn.done", "turn": self.turn}:
                self.over = True
            case {"type": "error", "message": problem}:
                self.faults.append(problem)
            case _:
                pass

    def _take_newest(self, newest) -> None:
        if newest is None or newest["turn"] != self.turn:
            return
        for reply in newest["replies"]:
            if reply["outcome"]:
                heard_all = reply["text"] == reply["heard_text"]
                self.outcomes.setdefault(reply["reply"], (reply["outcome"], heard_all))
        self.over = newest["outcome"] is not None

    def _take_frame(self, frame) -> None:
        if frame.turn != self.turn:
            return
        pcm = self.replies.setdefault(frame.reply, bytearray())
        have = len(pcm) // 2
        if frame.first_sample > have:
            self.faults.append(f"samples {have} to {frame.first_sample} of reply {frame.reply} are missing")
            return
        known = min(have - frame.first_sample, frame.samples)
        self.again += known
        if pcm[2 * frame.first_sample :][: 2 * known] != frame.pcm[: 2 * known]:
            self.faults.append(f"other samples than before at {frame.first_sample} of reply {frame.reply}")
        pcm += frame.pcm[2 * known :]


async def measure(cuts: int, chance: random.Random) -> int:
    """Exit status 1 when anything was missing or wrong."""
    listener, done, turns, faults = Listener(), 0, 0, 0
    async with server("--stt", "offline", "--llm", "offline", "--tts", "offline") as (url, _):
        while done < cuts:
            listener.over = False
            begun = False
            while not listener.over:
                query = f"?resume={listener.token}" if listener.token else ""
                async with connect(url + query, compression=None) as socket:
                    listener._take(await socket.recv())
                    if not begun:
                        await listener.ask(socket, chance.choice(LINES))
                        begun = True
                    await listener.hear(socket, chance.uniform(0, 4) if done < cuts else None)
                    if not listener.over:
                        done += 1
                        socket.transport.abort()
                if not listener.over:
                    await asyncio.sleep(chance.uniform(0, LONGEST_GAP_S))
            turns += 1
            broken = [reply for reply, outcome in listener.outcomes.items() if outcome != ("completed", True)]
            if broken or set(listener.outcomes) != set(listener.replies):
                listener.faults.append(f"turn {listener.turn} ended as {listener.outcomes}")
            for fault in listener.faults:
                print(f"after {done} cuts, in turn {listener.turn}: {fault}", flush=True)
            faults += len(listener.faults)
            listener.faults.clear()
    print(
        f"{done} cuts in {turns} turns, {faults} faults; {listener.again / RATE_HZ:.1f} s of sound came a second time"
    )
    return 1 if faults else 0


def main() -> int:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cuts", type=int, default=50, help="how often (default: 50)")
    parser.add_argument("--seed", type=int, default=0, help="of the random moments (default: 0)")
    args = parser.parse_args()
    return asyncio.run(measure(args.cuts, random.Random(args.seed)))


if __name__ == "__main__":
    sys.exit(main())
