"""Where speech begins and how long it has been quiet, from voice probabilities alone."""

from backend.pipelines.voice_activity import VoiceActivity

PERSON_DB, BEHIND_DB = -26.0, -41.0


def followed(probabilities: list[float], levels_db: list[float] | None = None) -> VoiceActivity:
    voice = VoiceActivity()
    for probability, level_db in zip(probabilities, levels_db or [PERSON_DB] * len(probabilities), strict=True):
        voice.feed(probability, level_db)
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
    voice.feed(0.9, PERSON_DB)
    assert not voice.speaking


def test_somebody_behind_the_person_does_not_keep_the_turn_open():
    """A television that goes on talking, 15 dB below, is silence after a moment's doubt."""
    voice = followed([0.9] * 60, [PERSON_DB] * 30 + [BEHIND_DB] * 30)
    assert voice.silence_ms == (30 - 5) * 32
    assert voice.voiced_ms == (30 + 5) * 32


def test_soft_syllables_are_still_speech():
    """People do not speak equally loudly: quiet words inside a sentence, and one that trails off, are no pause."""
    assert followed([0.9] * 40, [PERSON_DB, PERSON_DB, BEHIND_DB, BEHIND_DB, BEHIND_DB] * 8).silence_ms == 0
    assert followed([0.9] * 60, [PERSON_DB - 0.25 * n for n in range(40)] + [PERSON_DB - 10] * 20).silence_ms == 0


def test_who_speaks_again_is_heard_at_once():
    """What was too quiet counts only until the person is heard again."""
    assert followed([0.9] * 51, [PERSON_DB] * 30 + [BEHIND_DB] * 20 + [PERSON_DB]).silence_ms == 0


def test_each_utterance_has_a_loudness_of_its_own():
    """Somebody who calls out and then speaks softly is not taken for another."""
    voice = followed([0.9] * 30)
    voice.stop()
    for _ in range(30):
        voice.feed(0.9, BEHIND_DB)
    assert voice.speaking
    assert voice.silence_ms == 0


def test_a_person_who_begins_while_others_talk_is_followed():
    """Speech may begin with a voice in the background; the louder one that joins it is the person."""
    voice = followed([0.9] * 60, [BEHIND_DB] * 10 + [PERSON_DB] * 30 + [BEHIND_DB] * 20)
    assert voice.silence_ms == (20 - 5) * 32
