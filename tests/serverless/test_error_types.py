"""Each type of error a job can end with, provoked once: over the SDK's API, and as the platform is told."""

from __future__ import annotations

import json
from typing import get_args

import pytest

from backend.serverless.errors import ErrorType
from backend.serverless.handler import config_for
from tests.serverless.jobs import JobVoice, worker
from tests.serverless.test_local_api import asked, running
from tests.serverless.test_sdk import handled

# type, code, voice, settings, input
PROVOKED = [
    ("validation_error", "INVALID_TRANSCRIPT", {}, {}, {"transcript": "x" * 10_001}),
    ("model_error", "MODEL_LOAD_FAILED", {"broken": 1}, {}, {}),
    ("inference_error", "GENERATION_FAILED", {}, {}, {"transcript": "Very hoarse."}),
    ("s3_upload_error", "S3_BUCKET_NOT_FOUND", {}, {}, {"s3_bucket": "elsewhere"}),
    ("timeout_error", "TIMEOUT", {"load_s": 3600}, {"job_timeout_s": 0.02}, {}),
    ("system_error", "INTERNAL_ERROR", {}, {}, {"transcript": "A bug."}),
]
TYPES = [kind for kind, *_ in PROVOKED]
provoked = pytest.mark.parametrize(("kind", "code", "voice", "settings", "given"), PROVOKED, ids=TYPES)


def test_all_of_them_are_here():
    """The contract's types are these, each with a case below."""
    types = {"validation_error", "model_error", "inference_error", "s3_upload_error", "system_error", "timeout_error"}
    assert set(get_args(ErrorType)) == types == set(TYPES)


@provoked
async def test_over_the_api(kind, code, voice, settings, given, server):
    """The output is exactly the contract's failure, and the next job is served."""
    tts = JobVoice(**voice)
    async with running(tts, **settings) as http:
        answer = await asked(http, **given)
        (output,) = answer["output"]
        assert set(output) == {"success", "error"}
        assert output["success"] is False
        error = output["error"]
        assert set(error) == {"type", "message", "code", "details"}
        assert (error["type"], error["code"]) == (kind, code)
        assert error["message"]
        assert isinstance(error["details"], dict)
        if kind != "timeout_error":
            assert (await asked(http))["output"][0]["success"] is True


@provoked
async def test_as_the_platform_is_told(kind, code, voice, settings, given, server, monkeypatch):
    """The job is failed, and its error is the same object as text."""
    made = worker(JobVoice(**voice), **settings)
    sent = await handled(monkeypatch, config_for(made), **given)
    await made.model.close()
    (result,) = sent.results
    assert set(result) == {"error"}
    error = json.loads(result["error"])
    assert set(error) == {"type", "message", "code", "details"}
    assert (error["type"], error["code"]) == (kind, code)
