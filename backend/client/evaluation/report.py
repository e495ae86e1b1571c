"""The figures for people: one table per category."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from backend.client.latency import Spread

Summary = dict[str, dict[str, dict[str, Any]]]

_FIRST = 16
_WIDTH = 13


def tables(summary: Summary) -> str:
    """Every category's table, with what its columns mean."""
    blocks: list[str] = []
    for category, conditions in summary.items():
        title, columns = TABLES[category]
        rows = [[name, *(form(figures[key]) for _, key, form in columns)] for name, figures in conditions.items()]
        blocks.append("\n".join([title, _row(["", *(heading for heading, _, _ in columns)]), *map(_row, rows)]))
        blocks += [_places(conditions["clean"])] if category == "pauses" and "clean" in conditions else []
    return "\n\n".join(blocks)


def late_line(late_ms: Spread | None) -> str:
    """How far the machine lagged behind: what the other times are worth."""
    return f"The microphone fell behind real time by at most (ms, p50 / p95 over items): {_spread(late_ms)}"


def _row(cells: Sequence[str]) -> str:
    return (f"{cells[0]:<{_FIRST}}" + "".join(f"{cell:>{_WIDTH}}" for cell in cells[1:])).rstrip()


def _places(figures: Mapping[str, Any]) -> str:
    by_place = figures["false_cut_offs_by_place"].items()
    return "  after a " + " · ".join(f"{place} {_percent(share)}" for place, share in by_place)


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f} %"


def _spread(value: Spread | None) -> str:
    return "–" if value is None else f"{value['p50']:.0f} / {value['p95']:.0f}"


_Column = tuple[str, str, "Callable[[Any], str]"]

_ITEMS: list[_Column] = [("items", "items", str), ("failed", "failed", str)]
_DELAYS: list[_Column] = [
    ("missed", "missed", _percent),
    ("in speech", "decided_in_speech", _percent),
    ("decision", "decision_ms", _spread),
    ("turn", "turn_ms", _spread),
]
_DUCKS: list[_Column] = [
    ("made a turn", "made_a_turn", _percent),
    ("ducked", "ducked", str),
    ("came back", "came_back", str),
]
_CUTS: list[_Column] = [*_ITEMS, ("cut", "cut", _percent), *_DUCKS]

TABLES: Mapping[str, tuple[str, list[_Column]]] = {
    "finished": (
        "Whole sentences: from their end to the decision and to the turn, ms p50 / p95",
        [*_ITEMS, *_DELAYS, ("WER", "wer", _percent)],
    ),
    "pauses": (
        "Sentences with pauses: pauses taken for the end; delays as above, from the true end",
        [*_ITEMS, ("pauses", "pauses", str), ("cut off", "false_cut_offs", _percent), *_DELAYS],
    ),
    "backchannels": ("Backchannels while a character speaks: none should cut", _CUTS),
    "barge_ins": (
        "Barge-ins: all should cut; from the first voiced sample to silence and to the cut, ms p50 / p95",
        [
            *_ITEMS,
            ("caught", "caught", _percent),
            ("silent", "silent_ms", _spread),
            ("cut", "cut_ms", _spread),
            *_DUCKS,
        ],
    ),
    "echo": ("Echo of the character alone: nothing should cut or become a turn", _CUTS),
}
