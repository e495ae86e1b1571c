"""How much silence ends a turn."""

import math

import pytest

from backend.pipelines.turn_detection import BY_EAGERNESS, FixedSilence, PushToTalk, Sound, TurnSettings


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


@pytest.mark.parametrize("eagerness", BY_EAGERNESS)
@pytest.mark.parametrize(
    ("text", "sound", "waits_like"),
    [
        ("What time is it?", Sound.FINISHED, "finished_ms"),
        ("What time is it?", Sound.UNFINISHED, "unclear_ms"),
        ("What time is it?", Sound.NOT_KNOWN, "unclear_ms"),
        ("Yes, tomorrow", Sound.FINISHED, "finished_ms"),
        ("Yes, tomorrow", Sound.UNFINISHED, "unclear_ms"),
        ("Yes, tomorrow", Sound.NOT_KNOWN, "unclear_ms"),
        ("I would like the", Sound.FINISHED, "unfinished_ms"),
        (None, Sound.FINISHED, "unclear_ms"),
    ],
)
def test_words_and_sound_have_to_agree(eagerness, text, sound, waits_like):
    """The short silence takes words that may be all and a voice that sounds like it; words that must go on decide."""
    rule = BY_EAGERNESS[eagerness]
    assert rule.judge(text, sound).silence_ms == getattr(rule, waits_like)


@pytest.mark.parametrize(
    ("text", "language", "waits_like"),
    [
        ("I went to the park", None, "unfinished_ms"),
        ("Yes, tomorrow", "en", "unfinished_ms"),
        ("What time is it", None, "finished_ms"),
        ("Can you help me", None, "unclear_ms"),
        ("Can you help me?", None, "finished_ms"),
        ("I went to the park?", None, "finished_ms"),
        ("I would like the", None, "unfinished_ms"),
        ("\u6211\u53bb\u516c\u56ed\u4e86\u3002", "zh", "finished_ms"),
        (None, None, "unfinished_ms"),
        (None, "zh", "unclear_ms"),
    ],
)
def test_a_statement_that_rises_goes_on(text, language, waits_like):
    """What could be all is waited for when the voice stays up; questions, and tones that belong to words, may rise. One
    that asks for a yes or no rises whether or not it is over: only its mark tells. While the words are not known, they
    may yet turn out to be a statement."""
    rule = TurnSettings(language=language).end_of_turn
    assert rule.judge(text, Sound.RISING).silence_ms == getattr(rule, waits_like)


@pytest.mark.parametrize(
    ("text", "waits_like"),
    [
        ("I went to the park", "unclear_ms"),
        ("Yes", "finished_ms"),
        ("Not really.", "finished_ms"),
        ("What time is it", "finished_ms"),
        ("Can you help me", "unclear_ms"),
        ("I would like the", "unfinished_ms"),
        (None, "unclear_ms"),
    ],
)
def test_a_voice_that_does_not_tell_hastens_nothing(text, waits_like):
    """Where there was too little melody to judge a statement by, the words alone are not enough for the short wait,
    unless they are an answer that is mostly all."""
    rule = TurnSettings().end_of_turn
    assert rule.judge(text, Sound.by_rise(math.nan)).silence_ms == getattr(rule, waits_like)


def test_a_voice_without_a_melody_is_judged_by_its_words():
    """Whoever whispers is not kept waiting, nor whoever falls at the end; only a rise says that somebody goes on."""
    told = [Sound.by_rise(semitones) for semitones in (None, -2.0, 0.2, 0.4)]
    assert told == [Sound.NOT_JUDGED, Sound.NOT_JUDGED, Sound.NOT_JUDGED, Sound.RISING]


def test_the_reason_names_what_decided():
    """Whoever reads the log sees whether it was the words or the voice."""
    judge = BY_EAGERNESS["medium"].judge
    assert judge("What time is it?", Sound.UNFINISHED).reason == "finished sentence, sounds unfinished"
    assert judge("Yes, tomorrow", Sound.FINISHED).reason == "unclear whether finished, sounds finished"
    assert judge("Yes, tomorrow", Sound.NOT_KNOWN).reason == "unclear whether finished, sound not known"
    assert judge("I would like the", Sound.FINISHED).reason == "unfinished sentence"


def test_a_voice_that_sounds_unfinished_does_not_stop_the_guess():
    """Sound only lengthens the silence: what the words allow to be all is worth beginning to answer."""
    assert all(BY_EAGERNESS["medium"].judge("What time is it?", sound).likely for sound in Sound)


def test_rules_that_do_not_go_by_sound():
    """A fixed silence and a held button are what they are, however it sounds."""
    for settings in (TurnSettings(silence_ms=200), TurnSettings(mode="push_to_talk")):
        rule = settings.end_of_turn
        assert not rule.by_sound
        assert len({rule.judge("What time is it?", sound) for sound in Sound}) == 1


def test_half_a_probability_counts_as_finished():
    """The model's own threshold."""
    assert [Sound.of(probability) for probability in (0.0, 0.49, 0.5, 1.0)] == [
        Sound.UNFINISHED,
        Sound.UNFINISHED,
        Sound.FINISHED,
        Sound.FINISHED,
    ]


def test_words_of_another_language_are_not_taken_for_english_ones():
    """ "Was", "an" and "in" lead on in English only; in German it is punctuation that says what is finished."""
    english, german = TurnSettings().end_of_turn, TurnSettings(language="de").end_of_turn
    assert english.judge("der Zug kommt an").silence_ms == 1200
    assert german.judge("der Zug kommt an").silence_ms == 768
    assert german.judge("Der Zug kommt an.").silence_ms == 256
    assert german.judge("Der Zug kommt,").silence_ms == 1200
    assert TurnSettings(language="en").end_of_turn is english
    assert TurnSettings(language="de").changed(None, "low", None).language == "de"
