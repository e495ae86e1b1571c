"""When the model is loaded, shared and unloaded. Time is virtual."""

from __future__ import annotations

import asyncio

import pytest

from backend.serverless.breaker import Breaker
from backend.serverless.errors import JobError
from backend.serverless.lifecycle import Lifecycle
from backend.serverless.metrics import WorkerMetrics
from tests.serverless.jobs import JobVoice

pytestmark = pytest.mark.virtual_time


def lifecycle(tts, idle_s=60.0, failures=2, pause_s=30.0) -> Lifecycle:
    return Lifecycle(tts, Breaker(failures, pause_s, asyncio.get_running_loop().time), idle_s, WorkerMetrics())


async def use(model: Lifecycle, seconds: float = 0.0) -> None:
    async with model.use() as tts:
        assert tts.inside == 1
        await asyncio.sleep(seconds)


async def test_it_is_loaded_for_the_first_job_and_only_once():
    """Nothing is loaded before a job comes; jobs that come together wait for the same load."""
    tts = JobVoice(load_s=20)
    model = lifecycle(tts)
    assert (model.state, tts.entered) == ("unloaded", 0)
    async with asyncio.TaskGroup() as jobs:
        for _ in range(3):
            jobs.create_task(use(model, 5))
        await asyncio.sleep(1)
        assert model.state == "loading"
    assert (model.state, tts.entered, model.load_s) == ("loaded", 1, 20)
    await model.close()
    assert tts.left == 1


async def test_it_is_unloaded_when_no_job_has_come_for_a_while():
    """The while begins with the end of the last job; the next job loads again."""
    tts = JobVoice()
    model = lifecycle(tts)
    await use(model, 200)
    await asyncio.sleep(59)
    await use(model)
    await asyncio.sleep(59)
    assert (model.state, tts.left) == ("loaded", 0)
    await asyncio.sleep(2)
    assert (model.state, tts.left) == ("unloaded", 1)
    await use(model)
    assert (model.state, tts.entered) == ("loaded", 2)
    await model.close()


async def test_a_job_that_comes_while_it_is_unloaded_waits_and_loads_it_again():
    """The engine is never entered twice at the same time."""

    class Slow(JobVoice):
        async def __aexit__(self, *error):
            await asyncio.sleep(10)
            await super().__aexit__(*error)

    tts = Slow()
    model = lifecycle(tts)
    await use(model)
    await asyncio.sleep(61)
    assert model.state == "unloading"
    async with asyncio.TaskGroup() as jobs:
        jobs.create_task(use(model))
        jobs.create_task(use(model))
    assert tts.entered == 2
    await model.close()


async def test_a_job_cancelled_while_it_loads_leaves_it_to_the_next():
    """A model on its way is not thrown away, nor loaded twice; and it is unloaded although nobody used it."""
    tts = JobVoice(load_s=20)
    model = lifecycle(tts)
    job = asyncio.create_task(use(model))
    await asyncio.sleep(10)
    job.cancel()
    await asyncio.wait((job,))
    await use(model)
    assert tts.entered == 1
    await model.close()


async def test_a_model_nobody_waits_for_any_more_is_unloaded():
    """Memory is given back also when the only job left while the model was loading."""
    tts = JobVoice(load_s=20)
    model = lifecycle(tts)
    job = asyncio.create_task(use(model))
    await asyncio.sleep(10)
    job.cancel()
    await asyncio.sleep(100)
    assert (model.state, tts.entered, tts.left) == ("unloaded", 1, 1)


async def test_a_model_that_cannot_be_loaded_opens_the_breaker():
    """After so many failures jobs are refused at once, with when to come back; then one attempt decides."""
    tts = JobVoice(broken=2)
    model = lifecycle(tts)
    for code in ("MODEL_LOAD_FAILED", "MODEL_LOAD_FAILED", "MODEL_UNAVAILABLE"):
        with pytest.raises(JobError, match="the weights are gone") as error:
            await use(model)
        assert (error.value.kind, error.value.code) == ("model_error", code)
        assert model.state == "failed"
    assert tts.entered == 2
    assert error.value.details == {"failures": 2, "retry_after_seconds": 30}
    assert "breaker open" in model.not_ready()
    assert "weights are gone" in model.not_ready()
    assert model.health()["breaker"]["state"] == "open"
    await asyncio.sleep(30)
    await use(model)
    assert model.not_ready() is None
    await model.close()


async def test_a_bug_in_loading_is_a_failed_load(caplog):
    """Whatever a model raises, the job is told and the worker lives."""

    class Broken(JobVoice):
        async def __aenter__(self):
            raise MemoryError("16 GiB")

    model = lifecycle(Broken())
    with pytest.raises(JobError, match="MemoryError: 16 GiB"):
        await use(model)
    assert caplog.records[-1].exc_info


async def test_memory_is_reported():
    """Operators see what the process takes."""
    assert lifecycle(JobVoice()).health()["memory"]["rss"] > 1 << 20
