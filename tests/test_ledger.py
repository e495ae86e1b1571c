"""The account of time to first audio."""

from hypothesis import given
from hypothesis import strategies as st

from backend.client import latency
from backend.ledger import STAGES, Ledger


@given(st.lists(st.floats(0, 100), min_size=len(STAGES), max_size=len(STAGES)), st.permutations(STAGES))
def test_stages_are_consecutive_and_sum_exactly(times, order):
    """Whatever the clock says and in whatever order marks come, differences are non-negative and sum bit for bit."""
    ledger = Ledger(0, 50.0)
    for stage, at in zip(order, times, strict=True):
        ledger.mark(stage, at)
    entry = ledger.entry(1.0, 0)
    stages = entry.stages()
    if list(order) == list(STAGES):
        assert all(seconds >= 0 for seconds in stages.values())
    before_audio = [seconds for stage, seconds in stages.items() if stage != "first_sample_played"]
    assert sum(before_audio) == entry.ttfa_s


def test_the_harness_knows_the_same_stages():
    """The client imports nothing of the server, so its list of stages is held to the ledger's here."""
    assert latency.STAGES == STAGES


def test_only_the_first_mark_counts():
    """A stage passed again, as each later sentence does, does not move its mark."""
    ledger = Ledger(0, 10.0)
    ledger.mark("tts_request", 11.0)
    ledger.mark("tts_request", 12.0)
    assert ledger.entry(0.0, 0).marks["tts_request"] == 1.0


def test_what_was_not_reached_is_none():
    """A reply cut before its first audio has no time to first audio, rather than a made-up one."""
    ledger = Ledger(0, 10.0)
    ledger.mark("turn_decided", 10.5)
    ledger.cancelled(11.0)
    entry = ledger.entry(0.0, 0)
    assert entry.ttfa_s is None
    assert entry.rtf is None
    assert entry.cancelled_after_s == 1.0


def test_work_done_early_counts_from_when_it_could_be_used():
    """What a guess finished before the turn was decided costs nothing, and what it saved is said."""
    ledger = Ledger(0, 10.0)
    for stage, at in (("llm_request", 10.25), ("llm_first_token", 10.5), ("first_sentence", 10.75)):
        ledger.mark(stage, at)
    ledger.mark("turn_decided", 11.0)
    ledger.mark("transcript_final", 11.0)
    ledger.transcribed_ahead_s = 0.125
    ledger.mark("tts_request", 10.75)
    ledger.mark("tts_first_audio", 11.25)
    ledger.mark("first_frame_sent", 11.25)
    entry = ledger.entry(1.0, 0)
    assert entry.marks["llm_request"] == entry.marks["tts_request"] == 1.0
    assert entry.stages()["tts_first_audio"] == 0.25
    assert entry.saved_by_speculation == 0.125 + 0.75
