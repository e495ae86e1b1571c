"""OpenAI's API over the queue. Time is virtual."""

from __future__ import annotations

import base64
import json

import pytest

from backend.serverless.handler import config_for, handler_for
from backend.serverless.openai_route import is_openai
from tests.scripted import CHARACTER_S, RATE_HZ
from tests.serverless.jobs import JobVoice, Lines, worker
from tests.serverless.test_sdk import handled

SPEECH = {"model": "tts-1", "input": "Hello there.", "voice": "two", "response_format": "pcm", "stream_format": "sse"}


async def answers(route: str, body: object = None, made=None) -> list:
    """What the worker puts out for a request."""
    made = made or worker()
    job = {"id": "1", "input": {"openai_route": route, "openai_input": body}}
    try:
        return [output async for output in handler_for(made)(job)]
    finally:
        await made.model.close()


async def refused(**changed) -> dict:
    """The error of a request for speech."""
    (answer,) = await answers("/v1/audio/speech", SPEECH | changed)
    return json.loads(json.dumps(answer))["error"]


def events(outputs: list[str]) -> list[dict]:
    """What the client reads from the text it is sent."""
    return [json.loads(line.removeprefix("data: ")) for line in "".join(outputs).split("\n\n") if line]


@pytest.mark.virtual_time
async def test_models():
    """Clients that look before they ask find the names they know, and the engine's."""
    (answer,) = await answers("/v1/models")
    assert answer["object"] == "list"
    assert {"scripted", "tts-1"} <= {model["id"] for model in answer["data"]}


@pytest.mark.virtual_time
async def test_speech_comes_as_events():
    """As over HTTP: the audio while it is made, then what was used; voice, scene and seed reach the engine."""
    tts, lines = JobVoice(), Lines()
    body = SPEECH | {"instructions": "Whisper.", "seed": 5}
    *deltas, done = events(await answers("/v1/audio/speech", body, worker(tts, lines)))
    assert {delta["type"] for delta in deltas} == {"speech.audio.delta"}
    audio = b"".join(base64.b64decode(delta["audio"]) for delta in deltas)
    assert len(audio) == 2 * int(len("Hello there.") * CHARACTER_S * RATE_HZ)
    assert (done["type"], done["usage"]["output_tokens"]) == ("speech.audio.done", 12)
    assert tts.spoken == [("two", "Hello there.")]
    assert [(manner.scene_prompt, manner.seed) for manner in tts.manners] == [("Whisper.", 5)]
    assert (lines.audit[0]["outcome"], lines.audit[0]["streamed"]) == ("ok", True)


@pytest.mark.virtual_time
@pytest.mark.parametrize(
    ("changed", "param"),
    [
        ({"input": ""}, "input"),
        ({"input": "x" * 10_001}, "input"),
        ({"voice": "nobody"}, "voice"),
        ({"voice": "../two"}, "voice"),
        ({"voice": 7}, "voice"),
        ({"response_format": "midi"}, "response_format"),
        ({"stream_format": None}, "stream_format"),
        ({"speed": 2}, "speed"),
        ({"ref_audio": "UklGRg=="}, "ref_audio"),
    ],
)
async def test_a_request_that_cannot_be_served(changed, param):
    """OpenAI's shape, with OpenAI's name of the field."""
    error = await refused(**changed)
    assert set(error) == {"message", "type", "param", "code"}
    assert (error["type"], error["param"]) == ("invalid_request_error", param)
    assert error["message"].startswith(param) or changed == {"stream_format": None}


@pytest.mark.virtual_time
async def test_a_voice_that_fails():
    """Before there is sound it is the answer, after that the last event."""
    assert (await refused(input="Very hoarse."))["type"] == "server_error"
    *_, last = events(await answers("/v1/audio/speech", SPEECH | {"input": "Good evening, my friends. I am hoarse."}))
    assert last["error"]["code"] == "generation_failed"


@pytest.mark.virtual_time
@pytest.mark.parametrize(("route", "body"), [("/v1/chat/completions", {}), (7, None), ("/v1/audio/speech", None)])
async def test_what_is_no_request(route, body):
    """It is refused like any other; a route that is `null` is none."""
    (answer,) = await answers(route, body)
    assert answer["error"]["type"] == "invalid_request_error"
    assert not is_openai({"input": {"transcript": "Hi.", "openai_route": None}})


async def test_under_the_sdk(monkeypatch):
    """The platform is sent text as it is; a request that fails before it fails the job."""
    made = worker()
    sent = await handled(monkeypatch, config_for(made), openai_route="/v1/audio/speech", openai_input=SPEECH)
    assert [part["output"] for part in sent.streamed] == sent.results[0]["output"]
    assert events(sent.results[0]["output"])[-1]["type"] == "speech.audio.done"
    sent = await handled(monkeypatch, config_for(made), openai_route="/v1/audio/speech", openai_input={})
    assert json.loads(sent.results[0]["error"])["param"] == "model"
    await made.model.close()
