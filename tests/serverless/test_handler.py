"""The functions that RunPod's SDK calls."""

from __future__ import annotations

import asyncio
import base64

import pytest
from runpod.serverless.modules import rp_scale
from runpod.serverless.modules.rp_handler import is_generator
from runpod.serverless.modules.worker_state import JobsProgress

from backend.serverless.composition import own_worker
from backend.serverless.handler import config_for, handler, handler_for
from tests.serverless.jobs import JobVoice, worker


@pytest.fixture
def anew():
    """No worker of another test."""
    own_worker.cache_clear()
    yield
    own_worker.cache_clear()


def test_handlers_are_generators_to_the_sdk():
    """Otherwise the SDK sends the generator's name for output."""
    assert is_generator(handler)
    assert is_generator(handler_for(worker()))


async def test_the_handler_of_the_process(anew, monkeypatch):
    """It can be imported and called as it is: it makes its worker from the settings, once."""
    monkeypatch.setenv("VOICECHAT_TTS", "offline")
    for text in ("Hello there.", "And again."):
        (done,) = [output async for output in handler({"id": "1", "input": {"transcript": text}})]
        assert done["success"] is True
        assert base64.b64decode(done["audio_base64"])[:4] == b"RIFF"
    assert own_worker.cache_info().misses == 1
    await own_worker().model.close()


async def test_settings_that_cannot_work_fail_the_job(anew, monkeypatch):
    """Whoever calls it is told which, in the contract's shape."""
    monkeypatch.setenv("VOICECHAT_JOB_TIMEOUT_S", "-1")
    (told,) = [output async for output in handler({"id": "1", "input": {"transcript": "Hi."}})]
    assert (told["error"]["type"], told["error"]["code"]) == ("system_error", "CONFIGURATION_ERROR")
    assert "VOICECHAT_JOB_TIMEOUT_S" in told["error"]["message"]


@pytest.mark.virtual_time
async def test_a_job_fetched_while_the_model_is_given_up_is_answered():
    """The SDK never begins a job it holds at a concurrency of 0: one that arrives just then is refused, not forgotten,
    and no further ones are fetched until the breaker lets the model be tried again."""
    JobsProgress().clear()
    tts = JobVoice()
    made = worker(tts, breaker_failures=1, breaker_pause_s=3600, idle_unload_s=3)
    told, asked_for = {}, []

    async def fetch(_session, _count):
        asked_for.append(asyncio.get_running_loop().time())
        if len(asked_for) == 2:
            # The model is unloaded while the SDK waits for a job, and then cannot be loaded.
            await asyncio.sleep(10)
            tts.broken = 9
        return [{"id": str(len(asked_for)), "input": {"transcript": "Hi."}}]

    async def run(_session, config, job):
        told[job["id"]] = [output async for output in config["handler"](job)]

    async def no_stops(_session):
        await asyncio.Event().wait()

    sdk = {"jobs_fetcher": fetch, "stop_signals_fetcher": no_stops, "jobs_handler": run, "rp_args": {}}
    scaler = rp_scale.JobScaler(config_for(made) | sdk)
    running = [asyncio.create_task(step(None)) for step in (scaler.get_jobs, scaler.run_jobs)]
    await asyncio.sleep(600)
    for task in running:
        task.cancel()
    await asyncio.wait(running)
    codes = {job: output.get("error", {}).get("code") for job, (output,) in told.items()}
    assert codes == {"1": None, "2": "MODEL_LOAD_FAILED", "3": "MODEL_UNAVAILABLE"}
    assert len(asked_for) == 3
