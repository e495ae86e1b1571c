"""What many sessions cost is computed, in the documentation as well."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from scripts.capacity import Figures, rows, table

DEPLOYMENT = Path(__file__).resolve().parents[1] / "docs" / "deployment.md"


def test_the_documented_table_is_the_computed_one():
    """Figures that change are changed in the documentation too."""
    assert table(Figures()) in DEPLOYMENT.read_text()


def test_everything_but_the_database_grows_with_the_sessions():
    """Twice as many sessions need twice of what sessions use."""
    once, twice = Figures(sessions=100_000), Figures(sessions=200_000)
    for one, two in zip(rows(once), rows(twice), strict=True):
        assert two.per_hour == one.per_hour * (1 if one.part == "database" else 2) or (
            "GPUs" in one.machines and abs(two.per_hour / one.per_hour - 2) < 0.01
        )


def test_each_part_depends_on_its_own_figures():
    """What is cheaper or faster makes its own row cheaper, and no other."""
    before = rows(Figures())
    for changed, part in (
        ({"speech_per_voice_gpu": 120.0}, "voice"),
        ({"sessions_per_core": 200.0}, "the app"),
        ({"prompt_tokens": 1000.0}, "language model"),
        ({"decodings_of_an_utterance": 1.0}, "recogniser"),
        ({"pcm_rate_hz": 16_000}, "traffic out"),
    ):
        after = rows(replace(Figures(), **changed))
        assert [a.part for a, b in zip(after, before, strict=True) if a.per_hour < b.per_hour] == [part]
        assert [a.part for a, b in zip(after, before, strict=True) if a.per_hour != b.per_hour] == [part]
