"""From timelines to figures: no clock, no server."""

from __future__ import annotations

import pytest

from backend.client.evaluation import scoring
from backend.client.evaluation.corpus import Item, Pause
from backend.client.evaluation.report import tables
from backend.client.evaluation.summary import record, summarise
from backend.client.evaluation.timeline import Moment, Observation, Spoken
from backend.client.evaluation.words import word_error_rate, word_errors, words

STOPPED = {"type": "speech.stopped", "audio_ms": 0}
TYPED = {"type": "turn.started", "turn": 1, "source": "text", "text": "a story"}
SPOKEN = {"type": "turn.started", "turn": 2, "source": "speech", "text": "hello"}
CUT = {"type": "reply.done", "turn": 1, "reply": 0, "outcome": "interrupted", "text": "", "heard_text": ""}
HELD = {"type": "reply.ducked", "turn": 1, "gain": 0}
QUIETER = {"type": "reply.ducked", "turn": 1, "gain": 0.3}
BACK = {"type": "reply.unducked", "turn": 1}
SAID = Spoken(1.0, 3.0, ((1.5, 2.0),))


def final(text: str) -> dict:
    return {"type": "transcript.final", "text": text}


def timeline(*events: tuple[float, dict]) -> tuple[Moment, ...]:
    return tuple(Moment(at, event) for at, event in events)


def observation(category: str, *events: tuple[float, dict], spoken: Spoken | None = SAID, **changes) -> Observation:
    pauses = (Pause("filler", 8000, 16_000),) if category == "pauses" else ()
    item = Item(1, category, changes.pop("condition", "clean"), ("hello there",), b"", pauses)
    return Observation(item, timeline(*events), spoken, **changes)


@pytest.mark.parametrize(
    ("event", "at_s", "cut"),
    [(STOPPED, 1.9, True), (SPOKEN, 1.9, True), (STOPPED, 2.1, False), (STOPPED, 1.4, False), (TYPED, 1.9, False)],
)
def test_a_false_cut_off_is_a_decision_in_a_pause(event, at_s, cut):
    """Only what is decided after the words before the pause and before those after it is charged to the pause."""
    moments = timeline((at_s, event))
    assert scoring.false_cut_offs(moments, SAID) == [cut]
    assert scoring.decided_in_speech(moments, SAID) is (event is STOPPED and not cut)


def test_a_turn_is_one_decision_with_the_stop_before_it():
    """A turn that starts late, after its end of speech was announced in a pause, is not a second cut-off."""
    moments = timeline((1.9, STOPPED), (2.1, SPOKEN), (3.2, SPOKEN))
    assert scoring.decisions(moments) == [1.9, 3.2]
    assert not scoring.decided_in_speech(moments, SAID)


def test_delays_count_from_the_true_end():
    """An earlier false end does not shorten the delay after the true one."""
    moments = timeline((1.9, STOPPED), (2.2, SPOKEN), (3.5, STOPPED), (3.75, SPOKEN))
    assert scoring.decision_delay(moments, SAID) == pytest.approx(0.5)
    assert scoring.turn_delay(moments, SAID) == pytest.approx(0.75)
    assert not scoring.missed(moments, SAID)


@pytest.mark.parametrize("events", [[], [(3.5, STOPPED)], [(2.2, SPOKEN)], [(6.5, SPOKEN)]])
def test_a_turn_that_does_not_begin_in_time_is_missed(events):
    """No turn, one before the end, and one after three seconds are no answer."""
    assert scoring.missed(timeline(*events), SAID)


def test_a_turn_or_an_empty_transcript_ends_the_wait():
    """An utterance without words is never answered; waiting for its turn would waste the run."""
    assert scoring.is_understood(timeline((3.5, SPOKEN)), SAID)
    assert scoring.is_understood(timeline((3.5, final(""))), SAID)
    assert not scoring.is_understood(timeline((2.5, SPOKEN), (3.5, final("hello"))), SAID)


def test_only_the_typed_turn_is_cut():
    """The end of a later turn does not count as a cut of the reply that was spoken into."""
    other = CUT | {"turn": 2}
    assert scoring.interrupted_at(timeline((0.0, TYPED), (1.4, other), (1.6, CUT), (1.7, CUT))) == 1.6
    assert scoring.interrupted_at(timeline((0.0, TYPED), (1.4, CUT | {"outcome": "completed"}))) is None


@pytest.mark.parametrize(
    ("events", "silent_s"),
    [([(1.2, HELD), (1.8, CUT)], 1.2), ([(1.2, QUIETER), (1.8, CUT)], 1.8), ([(0.5, HELD), (0.6, BACK)], None)],
)
def test_a_character_is_silent_when_held_or_cut(events, silent_s):
    """A quieter voice is still a voice, and what happened before the person spoke is no reaction."""
    assert scoring.silent_at(observation("barge_ins", (0.0, TYPED), *events)) == silent_s


def test_a_reply_cut_before_the_barge_in_was_not_caught():
    """A noise that cuts a reply does not earn the barge-in that never came."""
    assert scoring.caught(observation("barge_ins", (0.0, TYPED), (1.3, CUT)))
    assert not scoring.caught(observation("barge_ins", (0.0, TYPED), (0.7, CUT)))
    assert not scoring.caught(observation("barge_ins", (0.0, TYPED), (0.7, CUT), spoken=None))


def test_words_are_compared_as_spoken():
    """Case, punctuation, fillers and digits are no errors."""
    assert words("Um, OK: it's 9 o’clock!") == ["okay", "it's", "nine", "o'clock"]
    assert word_errors(["a", "b", "c", "d"], ["a", "x", "c"]) == 2
    assert word_errors([], ["a"]) == 1
    assert word_error_rate([("one two", "one two"), ("three four", "three")]) == pytest.approx(0.25)
    assert word_error_rate([]) is None


def test_finals_are_joined():
    """A sentence recognised in two pieces is judged as a whole."""
    heard = observation("finished", (1.0, final("hello")), (2.0, final("")), (3.0, final("there")))
    assert scoring.transcript(heard.moments) == "hello there"


def test_the_summary_counts_what_happened():
    """Every figure of every category comes from the timelines, and failed items are left out of the shares."""
    observations = [
        observation("finished", (3.5, STOPPED), (3.6, final("hello there")), (3.7, SPOKEN)),
        observation("finished", (2.0, STOPPED), (2.2, SPOKEN), condition="noise 10 dB"),
        observation("finished", problem="gone"),
        observation("pauses", (1.9, STOPPED), (3.5, STOPPED), (3.6, SPOKEN)),
        observation("backchannels", (0.0, TYPED), (1.1, QUIETER), (1.5, BACK)),
        observation("backchannels", (0.0, TYPED), (1.5, CUT), (3.5, SPOKEN)),
        observation("barge_ins", (0.0, TYPED), (1.2, HELD), (1.6, CUT)),
        observation("barge_ins", (0.0, TYPED)),
        observation("echo", (0.0, TYPED), spoken=None, condition="echo -20 dB"),
    ]
    summary = summarise(observations)
    clean, noisy = summary["finished"]["clean"], summary["finished"]["noise 10 dB"]
    assert (clean["items"], clean["failed"], clean["missed"], clean["wer"]) == (2, 1, 0.0, 0.0)
    assert (clean["decision_ms"]["p50"], clean["turn_ms"]["p95"]) == (500.0, 700.0)
    assert (noisy["missed"], noisy["decided_in_speech"], noisy["wer"]) == (1.0, 1.0, 1.0)
    pauses = summary["pauses"]["clean"]
    assert (pauses["pauses"], pauses["false_cut_offs"], pauses["false_cut_offs_by_place"]) == (1, 1.0, {"filler": 1.0})
    replies = {"cut": 0.5, "made_a_turn": 0.5, "ducked": 1, "came_back": 1}
    assert summary["backchannels"]["clean"] == {"items": 2, "failed": 0} | replies
    barge_ins = summary["barge_ins"]["clean"]
    assert (barge_ins["caught"], barge_ins["silent_ms"]["p50"], barge_ins["cut_ms"]["p50"]) == (0.5, 200.0, 600.0)
    assert summary["echo"]["echo -20 dB"]["cut"] == 0.0


def test_a_summary_of_failures_is_printed_all_the_same():
    """A run in which nothing worked ends in a table, not in a traceback."""
    categories = ("finished", "pauses", "backchannels", "barge_ins", "echo")
    printed = tables(summarise([observation(category, problem="gone") for category in categories]))
    assert printed.count("clean") == len(categories)


def test_conditions_are_in_order():
    """The table reads from clean to severe."""
    conditions = ["noise 10 dB", "clean", "voice -15 dB", "noise 20 dB"]
    summary = summarise([observation("finished", condition=condition) for condition in conditions])
    assert list(summary["finished"]) == ["clean", "noise 20 dB", "noise 10 dB", "voice -15 dB"]


def test_a_record_holds_what_a_figure_needs():
    """The JSON file shows for each item what was true and what happened, without the audio."""
    written = record(observation("pauses", (1.9, STOPPED), (2.0, SPOKEN | {"characters": ["mara"]})))
    assert written["pauses"] == [{"place": "filler", "start": 8000, "end": 16_000}]
    assert written["spoken"]["pauses"] == ((1.5, 2.0),)
    assert [moment["type"] for moment in written["moments"]] == ["speech.stopped", "turn.started"]
    assert "characters" not in written["moments"][1]
