"""`voicechat ttfa`: measures a running server's time to first audio, by its own ledger and from outside."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from backend.client.latency import TurnRecord, summarise, table
from backend.client.measurement import Line, Plan, measure
from backend.client.microphone import read_speech
from backend.client.options import add_server_arguments, output_file, positive, seconds
from backend.client.waterfall import waterfall
from backend.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence

SENTENCES = (
    "Hello, who are you?",
    "What would you do on a rainy afternoon?",
    "Tell me something that happened to you last week.",
    "Do you agree with that?",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `voicechat ttfa`."""
    add_server_arguments(parser)
    parser.add_argument("--text", action="append", default=[], metavar="LINE", help="a line to type; repeatable")
    parser.add_argument(
        "--wav", action="append", default=[], type=Path, metavar="FILE", help="a 16-bit WAV file to speak; repeatable"
    )
    parser.add_argument("--turns", type=positive, metavar="N", help="turns per session (default: every line once)")
    parser.add_argument("--sessions", type=positive, default=1, metavar="N", help="sessions at once (default: 1)")
    parser.add_argument("--period", type=seconds, default=0.0, metavar="S", help="seconds from turn to turn, at least")
    parser.add_argument(
        "--positions", action=argparse.BooleanOptionalAction, default=True, help="report the playback position"
    )
    parser.add_argument("--json", type=output_file, metavar="FILE", help="write the summary and every turn")
    parser.add_argument("--svg", type=output_file, metavar="FILE", help="draw the stages as a waterfall")


def run(args: argparse.Namespace) -> int:
    """Measure as the parsed options say. The last line on stdout is the summary as JSON; returns 1 if a turn failed
    and 2 for a recording that cannot be read."""
    try:
        plan = _plan(args)
    except ConfigurationError as error:
        print(f"voicechat ttfa: {error}", file=sys.stderr)
        return 2
    records, engines = asyncio.run(measure(plan))
    summary = summarise(records, plan.sessions, engines)
    _complain(records)
    if args.json is not None:
        raw = {"summary": summary, "turns": [asdict(record) for record in records]}
        args.json.write_text(json.dumps(raw, indent=2, ensure_ascii=False) + "\n", "utf-8")
    if args.svg is not None:
        args.svg.write_text(waterfall(summary), "utf-8")
    print(table(summary), end="\n\n")
    print(json.dumps(summary, ensure_ascii=False))
    return 1 if summary["failed"] else 0


def _plan(args: argparse.Namespace) -> Plan:
    typed = [Line(text) for text in args.text]
    spoken = [Line(path.name, read_speech(path)) for path in args.wav]
    lines = (*typed, *spoken) or tuple(Line(text) for text in SENTENCES)
    return Plan(
        url=args.url,
        lines=lines,
        turns=args.turns or len(lines),
        sessions=args.sessions,
        api_key=args.api_key,
        period_s=args.period,
        positions=args.positions,
    )


def _complain(records: Sequence[TurnRecord]) -> None:
    """Say on stderr what went wrong, each thing once."""
    problems = Counter(problem for record in records for problem in (record.problem, *record.sum_errors) if problem)
    for problem, count in problems.items():
        print(f"voicechat ttfa: {problem}{f' ({count} times)' if count > 1 else ''}", file=sys.stderr)


def main(arguments: Sequence[str] | None = None) -> int:
    """`scripts/measure_ttfa.py`."""
    parser = argparse.ArgumentParser(description="Measure a running server's time to first audio.")
    add_arguments(parser)
    try:
        return run(parser.parse_args(arguments))
    except KeyboardInterrupt:
        return 130
