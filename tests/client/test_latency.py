"""Latency statistics as pure functions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.client.latency import (
    STAGES,
    TurnRecord,
    ledger_errors,
    percentile,
    spread_ms,
    stage_durations,
    summarise,
    table,
)
from tests.client.scripted_server import ENGINES, TICK, ledger_entry

TICKS = st.lists(st.integers(0, 1 << 40), min_size=len(STAGES), max_size=len(STAGES)).map(sorted)


@given(TICKS)
def test_every_honest_ledger_adds_up(ticks):
    """Marks in whole binary ticks never give a false alarm, however long a turn took."""
    entry = {stage: tick * TICK for stage, tick in zip(STAGES, ticks, strict=True)}
    assert ledger_errors(entry) == []
    assert sum(stage_durations(entry).values()) == entry[STAGES[-1]]


def test_a_ledger_that_goes_back_in_time_is_found():
    """A negative stage would hide time that was spent elsewhere."""
    assert ledger_errors(ledger_entry(llm_request=0.0)) == ["llm_request goes back by 28.610 ms"]


def test_a_missing_stage_before_the_first_audio_is_found():
    """Time nobody accounts for is the very thing the ledger is against."""
    assert ledger_errors(ledger_entry(tts_request=None)) == ["tts_request is missing"]


def test_marks_that_do_not_sum_exactly_are_found():
    """Decimal marks round, and then the stages no longer sum to TTFA."""
    marks = (0.288, 0.9, 1.039, 1.088, 1.246, 1.385, 1.681, 1.739, 1.771)
    entry = dict(zip(STAGES, marks, strict=True))
    assert ledger_errors(entry) == ["the stages sum to 1.7390000000000003 s, not to 1.739 s"]


def test_a_reply_that_was_never_heard_has_nothing_to_add_up():
    """A reply cut off before its first frame is no error of the ledger."""
    assert ledger_errors(ledger_entry(tts_first_audio=None, first_frame_sent=None, first_sample_played=None)) == []


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0, 100))
def test_a_percentile_is_a_measured_value(values, percent):
    """Nearest rank: at least so many per cent of the values are no larger, and it did happen."""
    value = percentile(values, percent)
    assert value in values
    assert sum(v <= value for v in values) >= percent / 100 * len(values) - 1e-6


def test_percentiles_of_a_hundred_values():
    """The ranks are those of the textbook."""
    values = list(range(100, 0, -1))
    assert [percentile(values, p) for p in (50, 95, 100)] == [50, 95, 100]


def test_a_spread_leaves_out_what_is_not_known():
    """A turn without a figure must not count as zero."""
    assert spread_ms([None, 0.2, None, 0.1]) == {"p50": 100.0, "p95": 200.0, "max": 200.0}
    assert spread_ms([None]) is None


def test_failed_turns_are_counted_and_left_out_of_the_figures():
    """A fast failure must not improve the average."""
    records = [
        TurnRecord(
            1, 1, "a", "completed", ledger=[ledger_entry(), ledger_entry(1, 50)], heard_ttfa_s=0.5, gaps_s=[0.1]
        ),
        TurnRecord(1, 2, "b", "failed", "llm_error: gone", ledger=[ledger_entry(scale=9)], underruns=1),
    ]
    summary = summarise(records, 1, ENGINES)
    assert (summary["turns"], summary["failed"], summary["underruns"]) == (2, 1, 1)
    assert summary["ttfa_ms"]["max"] == pytest.approx(343.323)
    assert summary["heard_ttfa_ms"]["p50"] == 500.0
    assert summary["gaps_ms"]["p50"] == 100.0
    assert summary["stages_ms"]["transcript_final"]["p50"] == pytest.approx(19.073)
    assert summary["marks_ms"]["transcript_final"]["p50"] == pytest.approx(28.61)


def test_the_table_shows_every_stage_and_what_is_a_stand_in():
    """The table is what people read; nothing may be missing from it."""
    text = table(summarise([TurnRecord(1, 1, "a", "completed", ledger=[ledger_entry()])], 1, ENGINES))
    assert all(stage in text for stage in STAGES)
    assert text.startswith("stt tones (stand-in) · llm script · tts tones (stand-in)\n1 turn in 1 session\n")


def test_the_table_of_a_run_without_answers_says_so():
    """No rows of dashes where there is nothing to say."""
    text = table(summarise([TurnRecord(1, 1, "a", "failed", "gone")], 1, {}))
    assert text.splitlines() == [
        "1 turn in 1 session, 1 failed",
        "",
        "0 underruns · 0 discontinuities · 0 ledger errors",
    ]
