"""Latency as pure functions of what was recorded: stages of a ledger, percentiles, the summary and its table.

The stages are the protocol's; `first_frame_sent` is the time to first audio (TTFA). Times in are seconds, times out
are milliseconds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

STAGES = (
    "turn_decided",
    "transcript_final",
    "llm_request",
    "llm_first_token",
    "first_sentence",
    "tts_request",
    "tts_first_audio",
    "first_frame_sent",
    "first_sample_played",
)
TTFA = "first_frame_sent"

Spread = dict[str, float]


@dataclass(slots=True)
class TurnRecord:
    """One measured turn."""

    session: int
    number: int
    input: str
    """The text, or the name of the WAV file."""
    outcome: str | None = None
    """`None` until it has been measured."""
    problem: str | None = None
    ledger: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    """As sent by the server, one object per reply."""
    heard_ttfa_s: float | None = None
    """From the end of the input to the first audible frame, on the client's clock."""
    underruns: int = 0
    """Of a listener with a small prebuffer."""
    gaps_s: list[float] = field(default_factory=list[float])
    """Silence before each reply but the first, for the same listener."""
    audio_frames: int = 0
    discontinuities: int = 0
    """Frames that do not begin where the one before them in the same reply ended."""
    sum_errors: list[str] = field(default_factory=list[str])
    """What is wrong with the ledger."""

    @property
    def ttfa_s(self) -> float | None:
        """The first reply's time to first audio, by the ledger."""
        return self.ledger[0].get(TTFA) if self.ledger else None


def stage_durations(entry: Mapping[str, Any]) -> dict[str, float]:
    """Stage -> seconds between its mark and the one before, of the stages that were reached."""
    durations: dict[str, float] = {}
    before = 0.0
    for stage in STAGES:
        mark = entry.get(stage)
        if mark is not None:
            durations[stage] = mark - before
            before = mark
    return durations


def ledger_errors(entry: Mapping[str, Any]) -> list[str]:
    """What contradicts the promise that the stages are consecutive and sum to TTFA exactly; empty when it is kept."""
    durations = stage_durations(entry)
    errors = [f"{stage} goes back by {-s * 1000:.3f} ms" for stage, s in durations.items() if s < 0]
    ttfa = entry.get(TTFA)
    if ttfa is None:
        return errors
    before_audio = STAGES[: STAGES.index(TTFA) + 1]
    errors += [f"{stage} is missing" for stage in before_audio if stage not in durations]
    total = 0.0
    for stage in before_audio:
        total += durations.get(stage, 0.0)
    if total != ttfa:
        errors.append(f"the stages sum to {total!r} s, not to {ttfa!r} s")
    return errors


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest of `values` that at least `percent` % of them do not exceed (nearest rank). Not for no values."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(percent / 100 * len(ordered)) - 1)]


def spread_ms(values_s: Iterable[float | None]) -> Spread | None:
    """p50, p95 and max in milliseconds of the seconds that are known; `None` when none is."""
    known = [value * 1000 for value in values_s if value is not None]
    if not known:
        return None
    figures = {"p50": percentile(known, 50), "p95": percentile(known, 95), "max": max(known)}
    return {name: round(value, 3) for name, value in figures.items()}


def summarise(records: Sequence[TurnRecord], sessions: int, engines: Mapping[str, Any]) -> dict[str, Any]:
    """The figures over all turns that were answered; stages are those of each turn's first reply."""
    answered = [record for record in records if record.problem is None]
    firsts = [record.ledger[0] for record in answered if record.ledger]
    durations = [stage_durations(entry) for entry in firsts]
    replies = [entry for record in answered for entry in record.ledger]
    return {
        "sessions": sessions,
        "turns": len(records),
        "failed": len(records) - len(answered),
        "ttfa_ms": spread_ms(record.ttfa_s for record in answered),
        "heard_ttfa_ms": spread_ms(record.heard_ttfa_s for record in answered),
        "stages_ms": {stage: spread_ms(each.get(stage) for each in durations) for stage in STAGES},
        "marks_ms": {stage: spread_ms(entry.get(stage) for entry in firsts) for stage in STAGES},
        "gaps_ms": spread_ms(gap for record in answered for gap in record.gaps_s),
        "rtf": _median(entry.get("rtf") for entry in replies),
        "underruns": sum(record.underruns for record in records),
        "discontinuities": sum(record.discontinuities for record in records),
        "sum_errors": sum(len(record.sum_errors) for record in records),
        "engines": dict(engines),
    }


def _median(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return percentile(known, 50) if known else None


def engines_line(engines: Mapping[str, Any]) -> str:
    """The engines in one line; stand-ins are called that."""
    return " · ".join(
        f"{stage} {engine.get('name')}{' (stand-in)' if engine.get('stand_in') else ''}"
        for stage, engine in engines.items()
    )


def extent(summary: Mapping[str, Any]) -> str:
    """How much was measured."""
    turns, sessions = summary["turns"], summary["sessions"]
    failed = f", {summary['failed']} failed" if summary["failed"] else ""
    return f"{turns} turn{'s' * (turns != 1)} in {sessions} session{'s' * (sessions != 1)}{failed}"


def table(summary: Mapping[str, Any]) -> str:
    """The summary for people."""
    lines = [engines_line(summary["engines"]), extent(summary), ""]
    if summary["ttfa_ms"] is not None:
        lines += [
            f"{'milliseconds':<22}{'spent in this stage':>27}{'since the end of input':>27}",
            f"{'stage':<22}{'p50':>9}{'p95':>9}{'max':>9}{'p50':>9}{'p95':>9}{'max':>9}",
        ]
        lines += [
            f"{stage:<22}{_cells(summary['stages_ms'][stage])}{_cells(summary['marks_ms'][stage])}" for stage in STAGES
        ]
        lines += [
            "",
            f"{'TTFA (ledger)':<22}{_cells(summary['ttfa_ms'])}",
            f"{'TTFA (heard)':<22}{_cells(summary['heard_ttfa_ms'])}",
            f"{'gap between replies':<22}{_cells(summary['gaps_ms'])}",
            "",
        ]
    counts = [f"{summary[name]} {words}" for name, words in _COUNTS.items()]
    return "\n".join([*lines, " · ".join(counts)]).lstrip("\n")


_COUNTS = {
    "underruns": "underruns",
    "discontinuities": "discontinuities",
    "sum_errors": "ledger errors",
}


def _cells(spread: Spread | None) -> str:
    if spread is None:
        return f"{'–':>9}" * 3
    return "".join(f"{spread[figure]:>9.1f}" for figure in ("p50", "p95", "max"))
