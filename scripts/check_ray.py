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
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterable
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PYTHON = ROOT / ".venv" / "bin" / "python"

if PYTHON.exists() and Path(sys.prefix) != ROOT / ".venv":
    os.execv(PYTHON, [str(PYTHON), __file__, *sys.argv[1:]])

sys.path.insert(0, str(ROOT))

from boson_multimodal.tiny_checkpoint import write_tiny_checkpoint  # noqa: E402
from scripts.talker import Talker, writer  # noqa: E402

REPLICA, VOICE = "ray::ServeReplica:voicechat:voicechat", "ray::ServeReplica:voicechat:voices"


def free_port() -> int:
    """Serve cannot choose one itself."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


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
        process.wait(180)


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
            options += ["--port", str(free_port()), "--database-url", args.database_url]
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
    parser.add_argument("--database-url", required=True, help="an empty PostgreSQL database, postgresql://...")
    return asyncio.run(check(parser.parse_args()))


if __name__ == "__main__":
    sys.exit(main())
