"""The whole worker, as a process, between the SDK and a stand-in for the platform on a loopback socket."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from contextlib import asynccontextmanager

from aiohttp import web


class Platform:
    """Gives out `jobs`, and keeps what is reported of each: progress, parts of streams, results."""

    def __init__(self, jobs: list[dict]) -> None:
        self._jobs = jobs
        self._waiting = len(jobs)
        self.progress: dict[str, list] = {}
        self.streamed: dict[str, list] = {}
        self.results: dict[str, dict] = {}
        self.all_done = asyncio.Event()
        self.closing = asyncio.Event()

    async def give(self, _request: web.Request) -> web.Response:
        if self._jobs:
            return web.json_response(self._jobs.pop(0))
        return await self.stop(_request)

    async def stop(self, _request: web.Request) -> web.Response:
        await self.closing.wait()
        return web.Response(status=204)

    async def take(self, request: web.Request) -> web.Response:
        body, job = json.loads(await request.read()), request.match_info["job"]
        if request.path.startswith("/stream/"):
            self.streamed.setdefault(job, []).append(body["output"])
        elif body.get("status") == "IN_PROGRESS":
            self.progress.setdefault(job, []).append(body["output"])
        else:
            self.results[job] = body
            if len(self.results) == self._waiting:
                self.all_done.set()
        return web.Response(text="ok")


@asynccontextmanager
async def serving(platform: Platform):
    """The variables with which the platform starts a worker."""
    app = web.Application()
    app.router.add_get("/job-take/{worker}", platform.give)
    app.router.add_get("/job-take-batch/{worker}", platform.give)
    app.router.add_get("/job-stop/{worker}", platform.stop)
    app.router.add_post("/{way:job-done|stream}/{worker}/{job}", platform.take)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield {
            "RUNPOD_POD_ID": "worker",
            "RUNPOD_ENDPOINT_ID": "endpoint",
            "RUNPOD_WEBHOOK_GET_JOB": f"{url}/job-take/$ID?gpu=none",
            "RUNPOD_WEBHOOK_POST_OUTPUT": f"{url}/job-done/$RUNPOD_POD_ID/$ID?gpu=none",
            "RUNPOD_WEBHOOK_POST_STREAM": f"{url}/stream/$RUNPOD_POD_ID/$ID?gpu=none",
            # These ask for a network and a GPU.
            "RUNPOD_SKIP_AUTO_SYSTEM_CHECKS": "true",
            "RUNPOD_SKIP_GPU_CHECK": "true",
        }
    finally:
        platform.closing.set()
        await runner.cleanup()


async def test_jobs_of_the_platform():
    """Results, streams, failures and progress reach the platform as the contract has them; the log has no text."""
    chunked = {"transcript": "Secret one. Secret two. Secret three.", "chunk_method": "word", "chunk_max_word_num": 2}
    platform = Platform(
        [
            {"id": "whole", "input": chunked},
            {"id": "stream", "input": {"transcript": "Secret stream.", "stream": True, "output_format": "mp3"}},
            {"id": "wrong", "input": {"transcript": "Secret.", "ref_audio": "../nova"}},
        ]
    )
    async with serving(platform) as variables:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "backend.serverless"),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=os.environ | {"VOICECHAT_TTS": "offline"} | variables,
        )
        reading = asyncio.create_task(process.stdout.read())
        try:
            async with asyncio.timeout(60):
                await platform.all_done.wait()
        finally:
            process.kill()
            written = (await reading).decode()
            await process.wait()
    (whole,) = platform.results["whole"]["output"]
    assert (whole["success"], whole["metadata"]["chunks"]) == (True, 3)
    assert {told["progress"]["chunks_total"] for told in platform.progress["whole"]} == {3}
    *parts, summary = platform.results["stream"]["output"]
    assert platform.streamed["stream"] == [*parts, summary]
    assert parts
    assert summary["success"] is True
    assert json.loads(platform.results["wrong"]["error"])["code"] == "INVALID_REF_AUDIO"
    assert written.count('"event": "job"') == 3
    assert "Secret" not in written
