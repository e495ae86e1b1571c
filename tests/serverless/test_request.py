"""What a job may ask for."""

from __future__ import annotations

import pytest

from backend.serverless.errors import JobError
from backend.serverless.request import JobRequest, check_voice, parse_request
from tests.serverless.jobs import JobVoice


def refused(**given) -> JobError:
    with pytest.raises(JobError) as error:
        parse_request({"transcript": "Hello.", **given})
    assert error.value.kind == "validation_error"
    return error.value


def test_defaults():
    """A transcript is enough; everything else is as documented."""
    request = parse_request({"transcript": "Hello."})
    manner = request.manner()
    assert (manner.temperature, manner.top_k, manner.top_p, manner.seed) == (1.0, 50, 0.95, None)
    assert (manner.ras_window_length, manner.ras_max_num_repeat) == (7, 2)
    assert (request.max_new_tokens, request.chunk_method) == (2048, None)
    assert (request.chunk_max_word_num, request.chunk_max_num_turns) == (200, 1)
    assert (request.output_format, request.stream, request.s3_bucket) == ("wav", False, None)


def test_null_is_not_given_and_unknown_fields_are_ignored():
    """Clients that send every field they know of are served."""
    given = dict.fromkeys(JobRequest.model_fields) | {"transcript": "Hello.", "webhook": "x"}
    assert parse_request(given) == parse_request({"transcript": "Hello."})


def test_the_manner_is_passed_on():
    """The scene, which sets the tone, and how sounds are drawn reach the voice."""
    asked = {"scene_prompt": "A whisper.", "temperature": 0.3, "top_k": 5, "top_p": 0.5, "seed": 7}
    manner = parse_request({"transcript": "Hello.", **asked, "ras_win_len": 3, "ras_win_max_num_repeat": 1}).manner()
    assert {name: getattr(manner, name) for name in asked} == asked
    assert (manner.ras_window_length, manner.ras_max_num_repeat) == (3, 1)


def test_a_long_transcript():
    """10,000 characters are taken, one more is refused with both numbers and without the text."""
    assert parse_request({"transcript": "x" * 10_000})
    error = refused(transcript="x" * 10_001)
    assert error.code == "INVALID_TRANSCRIPT"
    assert error.details == {"field": "transcript", "constraint": "max_length=10000", "actual_length": 10_001}
    assert "xxx" not in str(error)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("transcript", " \n"),
        ("transcript", 7),
        ("transcript", "half \ud800"),
        ("ref_audio", "../voices/nova"),
        ("ref_audio", "/etc/passwd"),
        ("ref_audio", "https://example.com/voice.wav"),
        ("ref_audio", "C:\\voices\\nova"),
        ("ref_audio", "nova\x00"),
        ("ref_audio", "x" * 201),
        ("scene_prompt", "x" * 4001),
        ("temperature", 2.1),
        ("temperature", "hot"),
        ("temperature", float("nan")),
        ("top_k", -1),
        ("top_p", 0),
        ("top_p", 1.1),
        ("max_new_tokens", 0),
        ("chunk_method", "line"),
        ("chunk_max_word_num", 0),
        ("chunk_max_num_turns", 0),
        ("ras_win_len", 0),
        ("ras_win_max_num_repeat", 0),
        ("seed", -1),
        ("output_format", "midi"),
        ("stream", "perhaps"),
        *[("s3_bucket", name) for name in ("ab", "Upper", "a..b", "192.168.0.1", "-a-b", "xn--abc", "a/b", "a" * 64)],
    ],
)
def test_a_field_that_cannot_be_is_named(field, value):
    """Whatever is wrong, the answer says with which field."""
    error = refused(**{field: value})
    assert error.code == f"INVALID_{field.upper()}"
    assert error.details["field"] == field
    assert field in str(error)


@pytest.mark.parametrize("key", ["", "/a", "a/", "a//b", "../a", "a/../b", "a/./b", "a\\b", "a\nb", "a\x7f", "é" * 513])
def test_a_key_that_leads_elsewhere(key):
    """A key is a plain path."""
    assert refused(s3_bucket="speech", s3_key=key).code == "INVALID_S3_KEY"


def test_good_s3_names():
    """What S3 allows is taken."""
    request = parse_request({"transcript": "Hello.", "s3_bucket": "my.bucket-1", "s3_key": "a/b c/..d/é.wav"})
    assert (request.s3_bucket, request.s3_key) == ("my.bucket-1", "a/b c/..d/é.wav")


@pytest.mark.parametrize("given", [None, "Hello.", ["Hello."], 3])
def test_no_object(given):
    """An input that is no object is refused like any other."""
    with pytest.raises(JobError, match="JSON object"):
        parse_request(given)


def test_no_transcript():
    """The one field that is required is asked for."""
    with pytest.raises(JobError) as error:
        parse_request({})
    assert error.value.code == "INVALID_TRANSCRIPT"


def voice_of(tts=None, **given) -> str:
    return check_voice(parse_request({"transcript": "Hello.", **given}), tts or JobVoice())


def test_the_voice():
    """The engine's first voice unless one is named, of the engine's or of those every client knows."""
    assert voice_of() == "one"
    assert voice_of(ref_audio="two") == "two"
    assert voice_of(ref_audio="alloy") == "alloy"


def test_a_voice_that_is_not_there():
    """The answer lists those that are."""
    with pytest.raises(JobError, match="one, two, three") as error:
        voice_of(ref_audio="four")
    assert error.value.code == "UNKNOWN_VOICE"
    assert error.value.details["voices"] == ["one", "two", "three"]


def test_a_description_is_a_voice_where_the_engine_takes_them():
    """As over HTTP."""
    tts = JobVoice()
    with pytest.raises(JobError):
        voice_of(tts, ref_audio="masculine;low pitch")
    tts.takes_descriptions = True
    assert voice_of(tts, ref_audio="masculine;low pitch") == "masculine;low pitch"


def test_tags_are_not_read_out():
    """What is counted as spoken is what the voices get."""
    request = parse_request({"transcript": "[SPEAKER0] Hi. [SPEAKER12345] Ho."})
    assert request.spoken_characters == len(" Hi.  Ho.")
