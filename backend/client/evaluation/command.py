"""The command line of the evaluation. The voices that speak the corpus are given by whoever starts it."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, get_args

from backend.client.connection import connect
from backend.client.evaluation.corpus import Category, build
from backend.client.evaluation.evaluation import Plan, evaluate
from backend.client.evaluation.report import late_line, tables
from backend.client.evaluation.scripted_llm import ScriptedLLM, serve_llm
from backend.client.evaluation.spawn import servers
from backend.client.evaluation.summary import problems, record, summarise
from backend.client.latency import engines_line, spread_ms
from backend.client.options import output_file, positive
from backend.errors import VoiceChatError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractAsyncContextManager

    from backend.client.evaluation.corpus import Item, Speak
    from backend.client.evaluation.prompter import Prompter
    from backend.client.latency import Spread

    IdealServers = Callable[[int, str], AbstractAsyncContextManager[list[tuple[str, Prompter]]]]
    """Sessions and language model -> for each session its server, and whom that one's recogniser listens to."""

SCALES = {"tiny": 0.02, "small": 0.25, "default": 1.0, "large": 3.0}
EAGERNESSES = ("low", "medium", "high")
PROGRESS_EVERY = 20
IDEAL = "ideal"


def main(speak: Speak, ideal: IdealServers, arguments: Sequence[str] | None = None) -> int:
    """Evaluate as the options say; the last line on stdout is the result as JSON. Returns 1 when an item failed and 2
    when there is no server to talk to. `ideal` starts the servers of `--stt ideal`."""
    args = _parser().parse_args(arguments)
    items = [item for item in build(speak, args.seed, SCALES[args.size]) if item.category in args.only]
    try:
        result, records = asyncio.run(_run(args, items, ideal))
    except VoiceChatError as error:
        print(f"evaluate_turn_taking: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    if args.json is not None:
        written = {"result": result, "observations": records}
        args.json.write_text(json.dumps(written, indent=1, ensure_ascii=False) + "\n", "utf-8")
    print(json.dumps(result, ensure_ascii=False))
    failed = (group["failed"] for run in result["eagerness"].values() for c in run.values() for group in c.values())
    return 1 if any(failed) else 0


async def _run(
    args: argparse.Namespace, items: Sequence[Item], ideal: IdealServers
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The result, and every observation; both by eagerness. Each table is printed as soon as it is known."""
    runs: dict[str, Any] = {}
    late_ms: dict[str, Spread | None] = {}
    records: dict[str, Any] = {}
    async with AsyncExitStack() as stack:
        urls, prompters = await _servers(stack, args, ideal)
        engines = await _engines(urls[0], args.api_key)
        print(engines_line(engines), f"{len(items)} items, {args.sessions} sessions at once", sep="\n")
        for eagerness in args.eagerness:
            plan = Plan(urls, args.sessions, eagerness, args.api_key, prompters)
            observations = await evaluate(items, plan, lambda done: _progress(done, len(items)))
            runs[eagerness], records[eagerness] = summarise(observations), [record(o) for o in observations]
            late_ms[eagerness] = spread_ms(o.late_s for o in observations)
            for problem, count in problems(observations).items():
                print(f"evaluate_turn_taking: {problem} ({count} items)", file=sys.stderr)
            print(f"\neagerness {eagerness}{args.label and f' · {args.label}'}\n\n{tables(runs[eagerness])}\n")
            print(late_line(late_ms[eagerness]), end="\n\n", flush=True)
    facts = {"label": args.label, "seed": args.seed, "size": args.size, "sessions": args.sessions, "items": len(items)}
    return {**facts, "engines": engines, "late_ms": late_ms, "eagerness": runs}, records


async def _servers(
    stack: AsyncExitStack, args: argparse.Namespace, ideal: IdealServers
) -> tuple[list[str], list[Prompter]]:
    """Where to connect, and who must be told what is said there."""
    if args.url is not None:
        return [args.url], []
    llm = await stack.enter_async_context(serve_llm(ScriptedLLM()))
    if args.stt != IDEAL:
        return await stack.enter_async_context(servers(args.sessions, args.stt, llm)), []
    told = await stack.enter_async_context(ideal(args.sessions, llm))
    return [url for url, _ in told], [prompter for _, prompter in told]


async def _engines(url: str, api_key: str | None) -> dict[str, Any]:
    async with connect(url, api_key) as connection:
        return connection.ready["engines"]


def _progress(done: int, items: int) -> None:
    if done % PROGRESS_EVERY == 0 or done == items:
        print(f"{done} of {items} items", file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Measure how well a server takes turns.")
    server = parser.add_mutually_exclusive_group()
    server.add_argument("--spawn", action="store_true", help="start servers with a scripted language model (default)")
    server.add_argument("--url", help="a running server's native WebSocket; its replies must be long")
    parser.add_argument("--api-key", metavar="KEY", help="where the server asks for one")
    parser.add_argument(
        "--stt",
        default="offline",
        metavar="NAME",
        help=f"speech recognition of spawned servers; {IDEAL}: without mistakes",
    )
    parser.add_argument("--size", choices=SCALES, default="default", help="of the corpus (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of the corpus (default: 0)")
    parser.add_argument("--only", type=_some(get_args(Category)), default=get_args(Category), metavar="A,B")
    parser.add_argument("--sessions", type=positive, default=6, metavar="N", help="at once (default: 6)")
    parser.add_argument("--eagerness", type=_some(EAGERNESSES), default=("medium",), metavar="A,B")
    parser.add_argument("--label", default="", metavar="TEXT", help="what the server does, for the report")
    parser.add_argument("--json", type=output_file, metavar="FILE", help="write the result and every observation")
    return parser


def _some(names: Sequence[str]) -> Callable[[str], tuple[str, ...]]:
    """A parser of lists of `names` with commas between them."""

    def chosen(text: str) -> tuple[str, ...]:
        found = tuple(text.split(","))
        if not set(found) <= set(names):
            raise argparse.ArgumentTypeError(f"{text!r} is not a list of {', '.join(names)}")
        return found

    return chosen
