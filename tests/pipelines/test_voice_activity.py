"""Where speech begins and how long it has been quiet, from voice probabilities alone."""

from backend.pipelines.voice_activity import VoiceActivity


def followed(probabilities: list[float]) -> VoiceActivity:
    voice = VoiceActivity()
    for probability in probabilities:
        voice.feed(probability)
    return voice


def test_three_voiced_windows_make_a_start():
    """Speech begins with the third voiced window, which counts together with the two before it."""
    assert not followed([0.9, 0.9]).speaking
    voice = followed([0.1, 0.9, 0.9, 0.9])
    assert voice.speaking
    assert voice.voiced_ms == 96


def test_a_click_is_no_speech():
    """One or two loud windows start nothing."""
    assert not followed([0.9, 0.9, 0.1] * 10).speaking


def test_quiet_endings_still_count_as_voice():
    """Once begun, speech goes on until it is below the lower threshold."""
    assert followed([0.9] * 3 + [0.4] * 20).silence_ms == 0
    assert followed([0.9] * 3 + [0.3] * 20).silence_ms == 640


def test_pauses_are_left_out_of_the_voice():
    """How long somebody has really been speaking is what tells a cough from a sentence."""
    assert followed([0.9] * 5 + [0.1] * 10 + [0.9] * 2).voiced_ms == 7 * 32


def test_after_a_stop_speech_begins_anew():
    """A committed utterance does not go on with the next window."""
    voice = followed([0.9] * 10)
    voice.stop()
    assert not voice.speaking
    voice.feed(0.9)
    assert not voice.speaking
