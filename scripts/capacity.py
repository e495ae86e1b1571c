#!/usr/bin/env python3
"""What many sessions at once need, and what that costs: a table from figures that can each be replaced by one's own.

The defaults are explained in docs/deployment.md: what was measured, what others have published, what is assumed.
"""

from __future__ import annotations

import argparse
import math
import sys
from dataclasses import dataclass, fields

HOUR_S = 3600


@dataclass(frozen=True, slots=True)
class Figures:
    """Units are in the names; prices in dollars."""

    sessions: int = 10_000
    person_speaks: float = 0.35
    characters_speak: float = 0.45
    turn_s: float = 12.0
    used: float = 0.7
    sessions_per_core: float = 84.0
    core_price_per_hour: float = 0.04
    speech_per_voice_gpu: float = 60.0
    voice_gpu_price_per_hour: float = 1.50
    speech_made_and_not_heard: float = 0.1
    speech_per_recogniser_gpu: float = 41.0
    decodings_of_an_utterance: float = 2.0
    recogniser_gpu_price_per_hour: float = 0.20
    prompt_tokens: float = 2500.0
    cached_share: float = 0.9
    reply_tokens: float = 25.0
    prompt_price_per_million: float = 0.15
    cached_price_per_million: float = 0.075
    reply_price_per_million: float = 0.60
    writes_per_turn: float = 2.0
    database_price_per_hour: float = 2.0
    pcm_rate_hz: int = 24_000
    traffic_price_per_gb: float = 0.05


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table."""

    part: str
    needed: str
    machines: str
    per_hour: float


def rows(figures: Figures) -> list[Row]:
    """Every part, in the order in which a turn meets them."""
    f = figures
    turns_per_s = f.sessions / f.turn_s
    cores = f.sessions / f.sessions_per_core / f.used
    heard = f.sessions * f.person_speaks * f.decodings_of_an_utterance
    recognisers = math.ceil(heard / f.speech_per_recogniser_gpu / f.used)
    tokens = f.prompt_tokens * (
        (1 - f.cached_share) * f.prompt_price_per_million + f.cached_share * f.cached_price_per_million
    )
    turn_price = (tokens + f.reply_tokens * f.reply_price_per_million) / 1e6
    spoken = f.sessions * f.characters_speak * (1 + f.speech_made_and_not_heard)
    voices = math.ceil(spoken / f.speech_per_voice_gpu / f.used)
    traffic = f.sessions * f.characters_speak * f.pcm_rate_hz * 2 / 1e9 * HOUR_S
    return [
        Row("the app", f"{f.sessions:,} sessions", f"{cores:.0f} cores", cores * f.core_price_per_hour),
        Row(
            "recogniser",
            f"{heard:,.0f} s of speech a second",
            f"{recognisers} GPUs",
            recognisers * f.recogniser_gpu_price_per_hour,
        ),
        Row("language model", f"{turns_per_s:,.0f} replies a second", "bought", turns_per_s * HOUR_S * turn_price),
        Row("voice", f"{spoken:,.0f} s of speech a second", f"{voices} GPUs", voices * f.voice_gpu_price_per_hour),
        Row("database", f"{turns_per_s * f.writes_per_turn:,.0f} writes a second", "1", f.database_price_per_hour),
        Row("traffic out", f"{traffic:,.0f} GB an hour", "", traffic * f.traffic_price_per_gb),
    ]


def table(figures: Figures) -> str:
    """The rows and their sum, in Markdown."""
    found = rows(figures)
    lines = [f"| {row.part} | {row.needed} | {row.machines} | {row.per_hour:,.0f} |" for row in found]
    total = sum(row.per_hour for row in found)
    each = 100 * total / figures.sessions
    lines.append(f"| together | | | {total:,.0f}: {each:.1f} cents for an hour of one session |")
    return "\n".join(["| part | for | takes | $ an hour |", "|---|---|---|---:|", *lines])


def main() -> int:
    """Print the table; every figure is an option."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    for field in fields(Figures):
        kind = type(field.default)
        parser.add_argument(f"--{field.name.replace('_', '-')}", type=kind, default=field.default, metavar="N")
    print(table(Figures(**vars(parser.parse_args()))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
