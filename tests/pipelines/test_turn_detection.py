"""How much silence ends a turn."""

import pytest

from backend.pipelines.turn_detection import BY_EAGERNESS, FixedSilence, PushToTalk, TurnSettings


@pytest.mark.parametrize("eagerness", BY_EAGERNESS)
def test_a_finished_sentence_ends_sooner(eagerness):
    """Nobody waits after "What time is it?", and nobody is cut off after "I would like the"."""
    rule = TurnSettings(eagerness=eagerness).end_of_turn
    finished, unknown, unclear, unfinished = (
        rule.judge(text).silence_ms for text in ("What time is it?", None, "Yes, tomorrow", "I would like the")
    )
    assert finished < unclear == unknown < unfinished


def test_more_eager_means_less_silence():
    """The three settings differ in every case, in the order of their names."""
    for text in ("What time is it?", None, "I would like the"):
        waits = [BY_EAGERNESS[name].judge(text).silence_ms for name in ("high", "medium", "low")]
        assert waits == sorted(set(waits))


def test_milliseconds_given_outright_decide():
    """Whoever sets a number gets it, whatever was said, until an eagerness is chosen again."""
    exact = TurnSettings().changed(200, None, None)
    assert exact.end_of_turn == FixedSilence(200)
    assert {exact.end_of_turn.judge(text).silence_ms for text in ("I would like the", "Yes.", None)} == {200}
    assert exact.changed(None, "low", None).end_of_turn is BY_EAGERNESS["low"]
    assert exact.changed(None, None, "auto").end_of_turn == FixedSilence(200)


def test_push_to_talk_is_not_ended_by_silence():
    """With the button held, only letting go ends the utterance."""
    rule = TurnSettings(silence_ms=200).changed(None, None, "push_to_talk").end_of_turn
    assert rule == PushToTalk()
    assert rule.judge("What time is it?").silence_ms is None


def test_only_what_may_be_the_end_is_worth_answering():
    """No language model is asked about half a sentence."""
    rule = TurnSettings().end_of_turn
    assert rule.judge("What time is it?").likely
    assert not rule.judge("What time is the").likely
    assert not rule.judge(None).likely
