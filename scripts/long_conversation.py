#!/usr/bin/env python3
"""Talks with four characters for a long time, and says what became of prompts, speakers, latency and memory. The
language model and the voices are scripted (scripted_cast.py). Works from any directory."""

import argparse
import asyncio
import os
import re
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PYTHON = ROOT / ".venv" / "bin" / "python"

if __name__ == "__main__" and PYTHON.exists() and Path(sys.prefix) != ROOT / ".venv":
    os.execv(PYTHON, [str(PYTHON), __file__, *sys.argv[1:]])

sys.path[:0] = [str(ROOT), str(ROOT / "scripts")]

try:
    from scripted_cast import ScriptedCast, line_of, serve

    from backend.client.connection import Connection, connect, user_text
    from backend.client.evaluation.spawn import server
    from backend.engines.interfaces import Generation
    from backend.prompting.situation import prompt_tokens
except ImportError as error:
    sys.exit(f"long_conversation: {error}. Run scripts/serve once; it installs what is needed.")

NAMES = ("Nora", "Oscar", "Iris", "Otto")
LINES = (
    "What do you make of the harbour today, {}, now that the fog has lifted and the boats are going out again?",
    "And how would you go about it, if the rope broke and nobody was there to help for a whole long night?",
    "Tell me more of that, I should like to hear how it went on from there and who else was with you, {}.",
    "I am not sure that I agree with all of this, but go on, I am listening to every word of it, I promise.",
    "What do you all of you think about the bell that rang in the night, when not one of us was awake?",
)


async def talk(connection: Connection, turns: int, process: int) -> tuple[list[float], dict[int, float]]:
    """Seconds to first audio of each turn, and the server's memory in MB after every fiftieth."""
    latencies: list[float] = []
    memory: dict[int, float] = {}
    for turn in range(1, turns + 1):
        line = LINES[turn % len(LINES)].format(NAMES[turn // len(LINES) % len(NAMES)])
        await connection.send(user_text(line))
        latencies.append(await _first_audio_s(connection))
        if turn % 50 == 0:
            memory[turn] = _memory_mb(process)
    return latencies, memory


async def _first_audio_s(connection: Connection) -> float:
    """Of the turn that is under way, when it is over."""
    async for message in connection:
        match message:
            case {"type": "turn.done", "outcome": "completed", "ledger": [first, *_]}:
                return first["first_frame_sent"]
            case {"type": "turn.done"} | {"type": "error"}:
                sys.exit(f"long_conversation: {message}")
            case _:
                pass
    sys.exit("long_conversation: the server closed the connection")


def _memory_mb(process: int) -> float:
    status = Path(f"/proc/{process}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    return int(found[1]) / 1000 if found else float("nan")


def _spread(seconds: Sequence[float]) -> str:
    p50, p95 = statistics.median(seconds), statistics.quantiles(seconds, n=20)[-1]
    return f"p50 {p50 * 1000:.0f} ms, p95 {p95 * 1000:.0f} ms"


async def main(turns: int, context: int) -> None:
    """Measure and print."""
    cast = ScriptedCast()
    characters = [{"id": name.lower(), "name": name, "system_prompt": f"You are {name}."} for name in NAMES]
    with tempfile.TemporaryDirectory() as data_dir:
        async with serve(cast) as url:
            engines = ("--stt", "offline", "--llm", "openai", "--llm-base-url", url, "--tts", "openai")
            voices = ("--tts-base-url", url, "--llm-api-key", "none", "--tts-api-key", "none")
            options = (*engines, *voices, "--llm-context", str(context), "--data-dir", data_dir)
            async with server(*options) as (address, process), connect(address) as connection:
                await connection.configure(
                    characters=characters, scene="A harbour in the fog.", lines_among_themselves=1, captions=False
                )
                voice_of = {who["voice"]: who["name"] for who in connection.ready["characters"]}
                latencies, memory = await talk(connection, turns, process)
    wrong = [text for voice, text in cast.spoken for name in NAMES if name != voice_of[voice] and line_of(name) in text]
    budget = prompt_tokens(context, Generation())
    print(f"{turns} turns, {len(cast.prompt_tokens) - cast.summaries} replies, {cast.summaries} summaries")
    print(f"longest prompt: {max(cast.prompt_tokens)} of {budget} tokens, estimated")
    print(f"the same as in the prompt before: {statistics.mean(cast.kept):.0%} of a prompt on average")
    print(f"sentences of another character: {len(wrong)} of {len(cast.spoken)}")
    print(f"time to first audio, first 25 turns: {_spread(latencies[:25])}; last 25: {_spread(latencies[-25:])}")
    print("memory: " + ", ".join(f"{mb:.0f} MB after {turn}" for turn, mb in memory.items()))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=200)
    parser.add_argument("--context", type=int, default=8192, help="what is given to --llm-context")
    asked = parser.parse_args()
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    asyncio.run(main(asked.turns, asked.context))
