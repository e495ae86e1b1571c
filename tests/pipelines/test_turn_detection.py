"""When somebody begins, cuts in and has finished, from voice probabilities alone."""

from backend.pipelines.turn_detection import Signal, TurnDetector, TurnSettings

AUTO = TurnSettings(silence_ms=200)


def signals(probabilities: list[float], settings: TurnSettings = AUTO) -> list[tuple[int, Signal]]:
    """(window, signal) for every signal."""
    detector = TurnDetector()
    found = [(index, detector.feed(probability, settings)) for index, probability in enumerate(probabilities)]
    return [(index, signal) for index, signal in found if signal]


def test_an_utterance_starts_cuts_in_and_stops():
    """Three voiced windows start it, seven cut in, the silence asked for ends it."""
    assert signals([0.9] * 10 + [0.1] * 10) == [(2, Signal.STARTED), (6, Signal.BARGED_IN), (16, Signal.STOPPED)]


def test_a_click_is_no_speech():
    """One or two loud windows start nothing."""
    assert signals([0.9, 0.9, 0.1] * 10) == []


def test_a_short_pause_ends_nothing():
    """A pause shorter than the silence asked for keeps the utterance whole."""
    assert [signal for _, signal in signals([0.9] * 10 + [0.1] * 6 + [0.9] * 3)] == [Signal.STARTED, Signal.BARGED_IN]


def test_quiet_endings_still_count_as_voice():
    """Once begun, speech goes on until it is below the lower threshold."""
    assert [signal for _, signal in signals([0.9] * 3 + [0.4] * 20)] == [Signal.STARTED, Signal.BARGED_IN]


def test_push_to_talk_is_not_ended_by_silence():
    """With the button held, only letting go ends the utterance."""
    assert [s for _, s in signals([0.9] * 10 + [0.0] * 100, TurnSettings(mode="push_to_talk"))][-1] is Signal.BARGED_IN


def test_eagerness_stands_for_a_silence():
    """More eager means less silence; milliseconds given outright decide until an eagerness is chosen again."""
    windows = [TurnSettings(eagerness=name).silence_windows for name in ("low", "medium", "high")]
    assert windows == sorted(windows, reverse=True)
    exact = TurnSettings().changed(200, None, None)
    assert exact.silence_windows == 7
    assert exact.changed(None, None, "push_to_talk").silence_windows == 7
    assert exact.changed(None, "low", None).silence_windows == TurnSettings(eagerness="low").silence_windows
