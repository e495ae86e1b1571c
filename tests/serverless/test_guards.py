"""Sizes that the platform delivers."""

from __future__ import annotations

import base64

import pytest

from backend.serverless.errors import JobError
from backend.serverless.guards import Budget, audio_limit, check_prediction, predicted_bytes


@pytest.mark.parametrize(("job", "megabytes"), [("sync-1", 20), ("1", 10), ("test-1", 10)])
def test_the_limit_as_base64_fits(job, megabytes):
    """Audio up to the limit is, as base64, within what the platform takes, with little left unused."""
    size = len(base64.b64encode(bytes(audio_limit(job))))
    assert 0.97e6 * megabytes < size < 1e6 * megabytes - 100_000


def test_a_prediction_refuses_only_what_cannot_fit():
    """Ten thousand characters last four minutes and more: PCM of that is refused beforehand, MP3 is not."""
    limit = audio_limit("1")
    assert predicted_bytes(10_000, "wav") > limit
    with pytest.raises(JobError, match="mp3") as error:
        check_prediction(10_000, "wav", limit)
    assert (error.value.kind, error.value.code) == ("validation_error", "OUTPUT_TOO_LARGE")
    check_prediction(10_000, "mp3", limit)
    check_prediction(2_000, "wav", limit)


def test_a_budget():
    """What does not fit is refused and not counted; without a limit everything fits."""
    budget = Budget(10)
    budget.take(10)
    with pytest.raises(JobError):
        budget.take(1)
    assert budget.spent == 10
    unlimited = Budget(None)
    unlimited.take(1 << 40)
    assert unlimited.spent == 1 << 40
