"""The worker under RunPod's own SDK, as it runs on the platform: what reaches the platform is what counts."""

from __future__ import annotations

import asyncio
import base64
import json
from contextlib import asynccontextmanager

from aiohttp import ClientSession, web
from runpod.serverless.modules import rp_http, rp_job, rp_scale

from backend.serverless.handler import config_for
from tests.serverless.jobs import JobVoice, Lines, worker


class Platform:
    """What the platform was sent: the parts of streams, and results."""

    def __init__(self) -> None:
        self.streamed: list[dict] = []
        self.results: list[dict] = []
        self.done = asyncio.Event()

    async def take(self, request: web.Request) -> web.Response:
        body = json.loads(await request.read())
        if request.path == "/stream":
            self.streamed.append(body)
        else:
            self.results.append(body)
            self.done.set()
        return web.Response(text="ok")


@asynccontextmanager
async def platform(monkeypatch):
    """The platform's side, on a loopback socket."""
    asked = Platform()
    app = web.Application()
    app.router.add_post("/{way:stream|done}", asked.take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    monkeypatch.setattr(rp_http, "JOB_DONE_URL", f"http://127.0.0.1:{port}/done?id=$ID")
    monkeypatch.setattr(rp_http, "JOB_STREAM_URL", f"http://127.0.0.1:{port}/stream?id=$ID")
    try:
        async with ClientSession() as session:
            asked.session = session
            yield asked
    finally:
        await runner.cleanup()


async def handled(monkeypatch, config: dict, **given) -> Platform:
    """What the SDK sends to the platform for one job."""
    async with platform(monkeypatch) as asked:
        job = {"id": "sync-1", "input": {"transcript": "Hello there.", **given}}
        await rp_job.handle_job(asked.session, config, job)
    return asked


async def test_a_job(monkeypatch):
    """The output is a list with one object."""
    made = worker()
    sent = await handled(monkeypatch, config_for(made))
    (result,) = sent.results
    assert set(result) == {"output"}
    assert [output["success"] for output in result["output"]] == [True]
    assert base64.b64decode(result["output"][0]["audio_base64"])[:4] == b"RIFF"
    await made.model.close()


async def test_a_stream(monkeypatch):
    """Parts go out one by one, and are the output together with what is said of the whole."""
    made = worker()
    sent = await handled(monkeypatch, config_for(made), stream=True, transcript="A sentence of some length.")
    assert len(sent.streamed) > 2
    assert [part["output"] for part in sent.streamed] == sent.results[0]["output"]
    assert sent.results[0]["output"][-1]["success"] is True
    await made.model.close()


async def test_a_failure_fails_the_job(monkeypatch):
    """The platform marks the job as failed, and its error is the contract's, as JSON."""
    sent = await handled(monkeypatch, config_for(worker()), transcript="")
    (result,) = sent.results
    assert set(result) == {"error"}
    assert json.loads(result["error"])["code"] == "INVALID_TRANSCRIPT"


async def test_partial_audio_reaches_the_client(monkeypatch):
    """The SDK would throw it away with the error beside it; it does not, and the error is there as well."""
    made = worker()
    asked = {"transcript": "Good evening. Very hoarse.", "chunk_method": "word", "chunk_max_word_num": 2}
    sent = await handled(monkeypatch, config_for(made), **asked)
    (result,) = sent.results
    (output,) = result["output"]
    assert output["success"] is False
    assert output["error"]["type"] == "inference_error"
    assert output["metadata"]["partial"] is True
    assert base64.b64decode(output["audio_base64"])[:4] == b"RIFF"
    await made.model.close()


class Queue:
    """Hands the SDK's loop a few jobs, and ends it when they are done."""

    def __init__(self, jobs: list[dict], stops: list[str]) -> None:
        self._jobs = jobs
        self._stops = stops
        self.spoken = asyncio.Event()

    async def fetch(self, _session, _count):
        if not self._jobs:
            await asyncio.Event().wait()
        return [self._jobs.pop(0)]

    async def stops(self, _session):
        await self.spoken.wait()
        if not self._stops:
            await asyncio.Event().wait()
        return [self._stops.pop()]


async def test_a_job_is_cancelled_by_the_platform(monkeypatch):
    """A job that is stopped while it is spoken is cancelled: nothing is sent for it, and the next one is served."""
    tts, lines = JobVoice(first_audio_s=0.0), Lines()
    jobs = [{"id": str(n), "input": {"transcript": text}} for n, text in ((1, "Slow one."), (2, "Hi."))]
    queue = Queue(jobs, ["1"])
    inner = tts.open_voice

    def open_voice(voice, manner=None):
        opened = inner(voice, manner)

        class Voice:
            async def stream(self, text):
                if "Slow" in text:
                    queue.spoken.set()
                    await asyncio.Event().wait()
                async for piece in opened.stream(text):
                    yield piece

        return Voice()

    tts.open_voice = open_voice
    made = worker(tts, lines)
    config = config_for(made) | {"jobs_fetcher": queue.fetch, "stop_signals_fetcher": queue.stops, "rp_args": {}}
    async with platform(monkeypatch) as asked:
        scaler = rp_scale.JobScaler(config)
        running = [
            asyncio.create_task(step(asked.session))
            for step in (scaler.get_jobs, scaler.run_jobs, scaler.monitor_stop_signals)
        ]
        await asked.done.wait()
        scaler.kill_worker()
        for task in running:
            task.cancel()
        await asyncio.wait(running)
    assert [record["outcome"] for record in lines.audit] == ["cancelled", "ok"]
    assert len(asked.results) == 1
    await made.model.close()
