"""What a client is told of what went wrong."""

from __future__ import annotations

import json

import pytest

from backend.errors import ConfigurationError, EngineError, InvalidRequest, RequestRefused
from backend.serverless.errors import ErrorBesideAudio, JobError, as_job_error, failure


@pytest.mark.parametrize(
    ("error", "kind", "code"),
    [
        (EngineError("tts", "hoarse"), "inference_error", "GENERATION_FAILED"),
        (RequestRefused("tts", 400, "hoarse", "invalid_request"), "validation_error", "REQUEST_REFUSED"),
        (InvalidRequest("hoarse"), "validation_error", "REQUEST_REFUSED"),
        (ConfigurationError("hoarse"), "system_error", "CONFIGURATION_ERROR"),
    ],
)
def test_errors_raised_on_purpose(error, kind, code):
    """They are told in their own words; what the client asked for wrongly is no failure of the engine's."""
    told = as_job_error(error)
    assert (told.kind, told.code, str(told)) == (kind, code, "hoarse")


def test_a_bug_is_logged_and_not_told(caplog):
    """Its words may hold anything."""
    told = as_job_error(KeyError("secret"))
    assert (told.kind, told.code) == ("system_error", "INTERNAL_ERROR")
    assert "secret" not in str(told)
    assert caplog.records[-1].exc_info[0] is KeyError


def test_an_error_is_text_to_the_platform_and_an_object_to_json():
    """RunPod's worker writes the text of a failure; beside audio it must look like none to it."""
    reported = failure(JobError("model_error", "GONE", "no weights", {"n": 1}))["error"]
    assert json.loads(str(reported)) == json.loads(json.dumps(reported)) == dict(reported)
    beside = ErrorBesideAudio(reported)
    assert not beside
    assert json.loads(json.dumps(beside)) == dict(reported)
