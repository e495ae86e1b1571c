"""The latency picture: one bar per stage, each beginning where the one before it ended. Plain SVG, no other files."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

from backend.client.latency import STAGES, TTFA, engines_line, extent

if TYPE_CHECKING:
    from collections.abc import Mapping

WIDTH = 960
LEFT, RIGHT, TOP = 190, 110, 104
ROW, BAR = 34, 18
PLOT = WIDTH - LEFT - RIGHT
"""Pixels between the ends of the time axis."""

_STYLE = """
    svg { --paper: #ffffff; --ink: #1c2430; --faint: #5d6878; --grid: #e3e7ed; --bar: #3b6fd4; --after: #a9b4c4;
          --total: #1f9d74; --whisker: #1c2430; }
    @media (prefers-color-scheme: dark) {
      svg { --paper: #14181f; --ink: #e8ecf2; --faint: #9aa6b6; --grid: #2a313c; --bar: #6c9bf5; --after: #55606f;
            --total: #3ecf9b; --whisker: #e8ecf2; } }
    text { font: 13px system-ui, -apple-system, "Segoe UI", sans-serif; fill: var(--ink); }
    .title { font-size: 19px; font-weight: 600; } .faint { fill: var(--faint); font-size: 12px; }
    .end { text-anchor: end; } .middle { text-anchor: middle; }
    .paper { fill: var(--paper); } .grid { stroke: var(--grid); }
    .stage { fill: var(--bar); } .after { fill: var(--after); } .total { fill: var(--total); }
    .whisker { stroke: var(--whisker); stroke-width: 1.5; fill: none; }
"""


def waterfall(summary: Mapping[str, Any]) -> str:
    """An SVG of a summary as `latency.summarise` makes it: bars are p50, whiskers reach to p95."""
    stages = {stage: spread for stage in STAGES if (spread := summary["stages_ms"][stage]) is not None}
    ttfa = summary["ttfa_ms"]
    ends, at = [0.0], 0.0
    for spread in stages.values():
        ends.append(at + spread["p95"])
        at += spread["p50"]
    axis_ms = _axis_end(max(*ends, at, ttfa["p95"] if ttfa else 0.0))
    rows: list[str] = []
    at = 0.0
    for row, (stage, spread) in enumerate(stages.items()):
        kind = "stage" if STAGES.index(stage) <= STAGES.index(TTFA) else "after"
        rows.append(_row(row, stage.replace("_", " "), kind, at, spread, axis_ms))
        at += spread["p50"]
    if ttfa:
        rows.append(_row(len(stages), "TTFA", "total", 0.0, ttfa, axis_ms))
    height = TOP + ROW * len(rows) + 52
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
            ' role="img" aria-labelledby="title">',
            f"  <style>{_STYLE}  </style>",
            f'  <rect class="paper" width="{WIDTH}" height="{height}" rx="10"/>',
            *_heading(summary),
            *_axis(axis_ms, len(rows)),
            *rows,
            f'  <text class="faint" x="24" y="{height - 14}">Bars are medians, lines reach to p95. '
            "Medians of stages need not add up to the median of their sum.</text>",
            "</svg>\n",
        ]
    )


def _heading(summary: Mapping[str, Any]) -> list[str]:
    ttfa = summary["ttfa_ms"]
    figures = f"p50 {ttfa['p50']:.0f} ms, p95 {ttfa['p95']:.0f} ms" if ttfa else "nothing was answered"
    return [
        f'  <text class="title" id="title" x="24" y="36">Time to first audio: {figures}</text>',
        f'  <text class="faint" x="24" y="58">{escape(engines_line(summary["engines"]))} · {extent(summary)}</text>',
    ]


def _axis(axis_ms: float, rows: int) -> list[str]:
    step = _tick_step(axis_ms)
    bottom = TOP + ROW * rows
    lines: list[str] = []
    for tick in range(math.floor(axis_ms / step) + 1):
        x = LEFT + PLOT * tick * step / axis_ms
        lines.append(f'  <line class="grid" x1="{x:.2f}" y1="{TOP - 6}" x2="{x:.2f}" y2="{bottom}"/>')
        lines.append(f'  <text class="faint middle" x="{x:.2f}" y="{TOP - 12}">{tick * step:g} ms</text>')
    return lines


def _row(row: int, label: str, kind: str, start_ms: float, spread: Mapping[str, float], axis_ms: float) -> str:
    """A bar from `start_ms`, as long as the median, and a whisker to p95."""
    scale = PLOT / axis_ms
    y = TOP + ROW * row + (ROW - BAR) / 2
    middle = y + BAR / 2
    x, width = LEFT + start_ms * scale, spread["p50"] * scale
    tip = LEFT + (start_ms + spread["p95"]) * scale
    whisker = f"M{x + width:.2f} {middle}H{tip:.2f}M{tip:.2f} {middle - 4}v8"
    return "\n".join(
        [
            f'  <text class="end" x="{LEFT - 12}" y="{middle + 4.5}">{escape(label)}</text>',
            f'  <rect class="{kind}" x="{x:.2f}" y="{y}" width="{width:.2f}" height="{BAR}" rx="2">'
            f"<title>{escape(label)}: p50 {_ms(spread['p50'])}, p95 {_ms(spread['p95'])}</title></rect>",
            f'  <path class="whisker" d="{whisker}"/>',
            f'  <text class="faint" x="{max(tip, x + width) + 8:.2f}" y="{middle + 4.5}">{_ms(spread["p50"])}</text>',
        ]
    )


def _ms(value: float) -> str:
    return f"{value:.0f} ms" if value >= 10 else f"{value:.1f} ms"


def _tick_step(axis_ms: float) -> float:
    """A round step that gives four to ten ticks."""
    rough = axis_ms / 8
    magnitude = 10 ** math.floor(math.log10(rough))
    return next(magnitude * factor for factor in (1, 2, 5, 10) if magnitude * factor >= rough)


def _axis_end(longest_ms: float) -> float:
    """Where the axis ends: the whole step after the longest whisker."""
    longest_ms = max(longest_ms, 1.0)
    step = _tick_step(longest_ms)
    return math.ceil(longest_ms / step) * step
