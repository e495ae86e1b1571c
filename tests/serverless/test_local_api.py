"""The SDK's API on one's own machine, with a worker behind it, over a loopback socket."""

from __future__ import annotations

import asyncio
import base64
import socket
import sys
from contextlib import asynccontextmanager

import httpx2
import pytest

from backend.serverless import local_api
from backend.serverless.__main__ import main
from tests.openai_server import serve_app
from tests.serverless.jobs import JobVoice, worker


@asynccontextmanager
async def running(tts=None, **settings):
    """A client of the API."""
    made = worker(tts, **settings)
    async with serve_app(local_api.app_for(made)) as (port, _):
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
            yield http
        await made.model.close()


async def asked(http, path: str = "/runsync", **given):
    return (await http.post(path, json={"input": {"transcript": "Hello there.", **given}})).json()


async def test_runsync():
    """A job is done while the client waits."""
    async with running() as http:
        answer = await asked(http)
        assert answer["status"] == "COMPLETED"
        assert base64.b64decode(answer["output"][0]["audio_base64"])[:4] == b"RIFF"
        told = (await asked(http, temperature=9))["output"][0]
        assert (told["success"], told["error"]["code"]) == (False, "INVALID_TEMPERATURE")


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_run_and_then_stream_or_status(method):
    """A job is left there and asked for, by GET as on the platform, and by POST as the SDK's API has it."""
    async with running() as http:
        left = await asked(http, "/run", stream=True, output_format="mp3")
        answer = (await http.request(method, f"/stream/{left['id']}")).json()
        *parts, summary = [part["output"] for part in answer["stream"]]
        assert parts
        assert summary["success"] is True
        left = await asked(http, "/run")
        answer = (await http.request(method, f"/status/{left['id']}")).json()
        assert (answer["status"], answer["output"][0]["success"]) == ("COMPLETED", True)
        assert (await http.request(method, "/status/nothing")).json()["status"] == "FAILED"


async def test_what_operators_ask():
    """Alive, would serve, figures, and what the model takes."""
    async with running() as http:
        assert (await http.get("/health")).json()["model"]["state"] == "unloaded"
        assert (await http.get("/ready")).status_code == 200
        await asked(http)
        health = (await http.get("/health")).json()
        assert (health["status"], health["model"]["state"], health["model"]["jobs"]) == ("ok", "loaded", 0)
        assert 'voicechat_jobs_total{outcome="ok"} 1.0' in (await http.get("/metrics")).text


async def test_a_model_that_cannot_be_loaded_is_said_by_ready():
    """The breaker is open, and `/ready` says so and why."""
    async with running(JobVoice(broken=9), breaker_failures=2) as http:
        codes = [(await asked(http))["output"][0]["error"]["code"] for _ in range(3)]
        assert codes == ["MODEL_LOAD_FAILED", "MODEL_LOAD_FAILED", "MODEL_UNAVAILABLE"]
        answer = await http.get("/ready")
        assert answer.status_code == 503
        said = answer.json()["error"]["message"]
        assert "the weights are gone" in said
        assert "circuit breaker open" in said
        assert (await http.get("/health")).json()["model"]["breaker"]["state"] == "open"


async def test_the_command():
    """`python -m backend.serverless --rp_serve_api` serves with the offline voice; its audit log is a line of JSON, and
    nothing it writes has what was said, or the audio."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "backend.serverless", "--rp_serve_api"),
        *("--rp_api_host", "127.0.0.1", "--rp_api_port", str(port)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as http:
            while b"running on" not in (line := await process.stdout.readline()):
                assert line, "it ended"
            answer = await asked(http, transcript="A secret.")
        assert answer["output"][0]["metadata"]["engine"] == "offline"
    finally:
        process.terminate()
        written = (await process.stdout.read()).decode()
        await process.wait()
    assert '"outcome": "ok"' in written
    assert "secret" not in written
    assert answer["output"][0]["audio_base64"][:40] not in written


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"VOICECHAT_JOB_TIMEOUT_S": "-1"}, "VOICECHAT_JOB_TIMEOUT_S"),
        ({"BUCKET_ACCESS_KEY_ID": "key"}, "together"),
        ({"BUCKET_ENDPOINT_URL": "s3.example"}, "http://"),
        ({"VOICECHAT_TTS": "step-audio2"}, "--tts-codec"),
    ],
)
def test_a_setting_that_cannot_work_is_one_line(variables, said, monkeypatch, capsys):
    """Wrong settings end the command with one line that names them."""
    monkeypatch.setattr(sys, "argv", ["serverless"])
    monkeypatch.setattr("backend.serverless.__main__.configure_logging", lambda _level: None)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert main() == 1
    written = capsys.readouterr().err
    assert said in written
    assert written.count("\n") == 1
