#!/usr/bin/env python3
"""Kills what the app on Ray Serve consists of, in the middle of conversations, and looks whether anything is lost.

Two replicas and two copies of the Higgs voice (a tiny one, made for this) on this machine; sessions speak with both
replicas at once. First a copy of the voice is killed in the middle of the replies (SIGKILL): all must be heard to their
end. Then a replica: its sessions must go on, on the other one, with the same conversations, and nobody else notice.
Every sound is compared with what `voicechat serve` makes of the same texts in one process. Prints what it sees.
"""

import argparse
import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterable
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PYTHON = ROOT / ".venv" / "bin" / "python"

if PYTHON.exists() and Path(sys.prefix) != ROOT / ".venv":
    os.execv(PYTHON, [str(PYTHON), __file__, *sys.argv[1:]])

sys.path.insert(0, str(ROOT))

from aiohttp import web  # noqa: E402

from backend.client.connection import (  # noqa: E402
    AudioFrame,
    ConnectionFailed,
    connect,
    playback_position,
    user_text,
)
from boson_multimodal.tiny_checkpoint import write_tiny_checkpoint  # noqa: E402

REPLICA, VOICE = "ray::ServeReplica:voicechat:voicechat", "ray::ServeReplica:voicechat:voices"
COMES_BACK_WITHIN_S = 20


async def answer(request: web.Request) -> web.StreamResponse:
    """`POST /v1/chat/completions`: three sentences that depend on what was said last, and on nothing else."""
    messages = (await request.json())["messages"]
    said = next(message["content"] for message in reversed(messages) if message["role"] == "user")
    topic = said.rsplit(" ", 1)[-1].strip("?.")
    text = f"I have heard of {topic} before. There is a long story about it. Ask me again tomorrow."
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    for choice in ({"delta": {"content": text}}, {"delta": {}, "finish_reason": "stop"}):
        chunk = {"id": "c", "object": "chat.completion.chunk", "created": 0, "model": "script"}
        chunk["choices"] = [{"index": 0, "finish_reason": None, **choice}]
        await response.write(f"data: {json.dumps(chunk)}\n\n".encode())
    await response.write(b"data: [DONE]\n\n")
    return response


@asynccontextmanager
async def writer():
    """The address of a language model that follows the script."""
    app = web.Application()
    app.router.add_post("/v1/chat/completions", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}/v1"
    await runner.cleanup()


@contextmanager
def serving(*command: str):
    """The address that the command says it listens on, and its process. It is asked to end, and waited for."""
    process = subprocess.Popen([sys.executable, *command], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    address = ""
    for line in process.stdout:
        if "listens on http://" in line:
            address = line.split("http://")[1].strip()
        if line.startswith("voicechat is ready"):
            break
    else:
        raise SystemExit(f"{command[0]} did not start")
    try:
        yield address, process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


class Talker:
    """A session that may be lost and come back."""

    def __init__(self, number: int, address: str) -> None:
        self.number = number
        self._address = address
        self._client = None
        self._connection = None
        self.away_s = 0.0
        """How long it took to come back, if it had to."""
        self.speaking = asyncio.Event()
        """Set once some of the reply is heard."""
        self.topic = ""
        """Of the newest turn, and whether it was one of a session that has come back."""

    async def come(self, query: str = "") -> None:
        """A new connection."""
        self._connection = connect(f"ws://{self._address}/ws{query}")
        self._client = await self._connection.__aenter__()

    @property
    def replica(self) -> str:
        """Which one the session is at."""
        return self._client.ready["resume_token"].rpartition(".")[0]

    @property
    def conversation(self) -> str:
        return self._client.ready["conversation"]

    async def leave(self) -> None:
        await self._connection.__aexit__(None, None, None)

    async def turn(self, topic: str) -> bytes:
        """What is heard of the answer to a question. Raises `ConnectionFailed` when the connection is lost."""
        heard, self.topic = b"", f"{topic}, anew" if self.away_s else topic
        self.speaking.clear()
        await self._client.send(user_text(f"Nora, what do you know about {topic} {self.number}?"))
        async for event in self._client:
            match event:
                case AudioFrame():
                    heard += event.pcm
                    self.speaking.set()
                    position = playback_position(event.turn, event.reply, event.first_sample + event.samples)
                    await self._client.send(position)
                case {"type": "error"}:
                    raise SystemExit(f"session {self.number} was told {event}")
                case {"type": "turn.done"} if event["outcome"] != "completed":
                    raise SystemExit(f"a turn of session {self.number} ended {event['outcome']}")
                case {"type": "turn.done"}:
                    return heard
        raise ConnectionFailed("the server closed the connection")

    async def turn_or_return(self, topic: str) -> bytes:
        """The same; where the connection is lost, come back."""
        try:
            return await self.turn(topic)
        except ConnectionFailed:
            await self.resume()
            return b""

    async def resume(self) -> None:
        """Come back as a page does."""
        token, conversation = self._client.ready["resume_token"], self.conversation
        began = time.monotonic()
        while True:
            try:
                await self.come(f"?resume={token}")
                break
            except (ConnectionFailed, OSError):
                if time.monotonic() - began > COMES_BACK_WITHIN_S:
                    raise
                await asyncio.sleep(0.1)
        if self.conversation != conversation:
            raise SystemExit(f"session {self.number} came back to another conversation")
        self.away_s = time.monotonic() - began


def below(process: int, title: str) -> list[int]:
    """Processes of that title that `process` has started, or what it has started."""
    parents, titled = {}, []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            # Ray sets the title, and what the process does just now may follow it after a point.
            if (folder / "cmdline").read_text().strip(" \0").partition(".")[0] == title:
                titled.append(int(folder.name))
        except (OSError, ValueError):
            continue
    return [pid for pid in titled if process in _ancestors(pid, parents)]


def _ancestors(pid: int, parents: dict[int, int]) -> set[int]:
    found = set()
    while pid in parents:
        pid = parents[pid]
        found.add(pid)
    return found


async def in_one_process(count: int, options: list[str]) -> dict[tuple[int, str], bytes]:
    """What sessions hear of their topics, by number and `Talker.topic`."""
    heard = {}
    with (
        tempfile.TemporaryDirectory() as folder,
        serving("-m", "backend.cli", "serve", "--port", "0", "--data-dir", folder, *options) as (address, _),
    ):

        async def talk(number: int) -> None:
            for topics in (("rivers", "mountains", "islands"), ("islands",)):
                talker = Talker(number, address)
                await talker.come()
                for topic in topics:
                    pcm = await talker.turn(topic)
                    heard[number, topic if topics[1:] else f"{topic}, anew"] = pcm
                await talker.leave()

        await asyncio.gather(*map(talk, range(count)))
    return heard


class Check:
    """Sessions on Ray Serve that everything is done to, and what was seen of it. `reference`: see `in_one_process`."""

    def __init__(self, address: str, process: int, reference: dict[tuple[int, str], bytes]) -> None:
        self._address = address
        self._process = process
        self._reference = reference
        self._talkers = [Talker(number, address) for number in sorted({number for number, _ in reference})]
        self.faults = 0

    async def run(self) -> None:
        """Everything, one after another."""
        for talker in self._talkers:
            await talker.come()
        at = [talker.replica for talker in self._talkers]
        self._expect(len(set(at)) == 2, f"{len(at)} sessions, by replica: {sorted(map(at.count, set(at)))}")
        await self._kill_voice()
        await self._kill_replica()
        await self._go_on()

    async def _kill_voice(self) -> None:
        talking = [asyncio.create_task(talker.turn("rivers")) for talker in self._talkers]
        await asyncio.gather(*(talker.speaking.wait() for talker in self._talkers[:2]))
        os.kill(below(self._process, VOICE)[0], signal.SIGKILL)
        self._compare("a copy of the voice killed", zip(self._talkers, await asyncio.gather(*talking), strict=True))

    async def _kill_replica(self) -> None:
        talking = [asyncio.create_task(talker.turn_or_return("mountains")) for talker in self._talkers]
        await asyncio.gather(*(talker.speaking.wait() for talker in self._talkers[: len(talking) // 2]))
        at = {talker: talker.replica for talker in self._talkers}
        os.kill(below(self._process, REPLICA)[0], signal.SIGKILL)
        heard = dict(zip(self._talkers, await asyncio.gather(*talking), strict=True))
        cut = [talker for talker in self._talkers if talker.away_s]
        lost = [talker for talker in self._talkers if at[talker] in {at[other] for other in cut}]
        await asyncio.gather(*(talker.resume() for talker in lost if talker not in cut))
        self._expect(bool(cut), f"a replica killed: it had {len(lost)} sessions, {len(cut)} in the middle of a reply")
        print(f"all came back, the slowest after {max(talker.away_s for talker in lost):.1f} s")
        self._compare("the other replies", ((talker, pcm) for talker, pcm in heard.items() if talker not in cut))
        kept = {talker: topics(self._address, talker) for talker in lost}
        whole = [said == ["rivers", "mountains"] for said in kept.values()]
        over = [
            said[:1] == ["rivers"] and (said[1:] == ["mountains"] or talker in cut) for talker, said in kept.items()
        ]
        self._expect(all(over), f"{sum(over)} of {len(over)} conversations have all that was over")
        print(f"{sum(whole)} of them have the question of the turn that was cut as well")

    async def _go_on(self) -> None:
        heard = await asyncio.gather(*(talker.turn("islands") for talker in self._talkers))
        self._compare("the turn after", zip(self._talkers, heard, strict=True))
        for talker in self._talkers:
            await talker.leave()

    def _compare(self, what: str, heard: Iterable[tuple[Talker, bytes]]) -> None:
        same = [pcm == self._reference[talker.number, talker.topic] for talker, pcm in heard]
        self._expect(all(same), f"{what}: {sum(same)} of {len(same)} sound as in one process, byte for byte")

    def _expect(self, true: bool, seen: str) -> None:
        self.faults += not true
        print(seen if true else f"FAULT  {seen}", flush=True)


def topics(address: str, talker: Talker) -> list[str]:
    """What the conversation was about, question by question, as it is kept."""
    with urllib.request.urlopen(f"http://{address}/api/conversations/{talker.conversation}", timeout=10) as found:
        return [turn["text"].split()[-2] for turn in json.load(found)["turns"]]


async def check(args: argparse.Namespace) -> int:
    """Exit status 1 when something was lost or sounded different."""
    two = [
        "--min-replicas",
        "2",
        "--max-replicas",
        "2",
        "--min-engines",
        "2",
        "--max-engines",
        "2",
        "--engine-gpus",
        "0",
    ]
    with tempfile.TemporaryDirectory() as folder:
        write_tiny_checkpoint(Path(folder))
        async with writer() as llm:
            options = ["--stt", "offline", "--llm-base-url", llm, "--llm-api-key", "none", "--tts", "higgs"]
            options += ["--tts-model", folder, "--device", "cpu", "--log-level", "warning"]
            reference = await in_one_process(args.sessions, options)
            options += ["--port", str(args.port), "--database-url", args.database_url]
            began = time.monotonic()
            with serving("scripts/serve_ray.py", *two, *options) as (address, process):
                print(f"ready after {time.monotonic() - began:.1f} s", flush=True)
                seen = Check(address, process.pid, reference)
                await seen.run()
    print(f"{seen.faults} faults")
    return 1 if seen.faults else 0


def main() -> int:
    """See `check`."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sessions", type=int, default=20, help="at once (default: 20)")
    parser.add_argument("--port", type=int, default=8331, help="for the app on Ray Serve (default: 8331)")
    parser.add_argument("--database-url", required=True, help="an empty PostgreSQL database, postgresql://...")
    return asyncio.run(check(parser.parse_args()))


if __name__ == "__main__":
    sys.exit(main())
