"""OpenAI's API as RunPod's queue passes it on: what comes to `/openai/v1/...` of an endpoint is a job with the route
and the body, and what the worker puts out is the answer: an object, or text that is streamed as it is.

Knows of no engine: it translates to and from the worker's own jobs.
"""

from __future__ import annotations

import base64
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, cast

from pydantic import ValidationError

from backend.protocols.openai_speech import SpeechRequest, Usage, delta_event, done_event
from backend.protocols.transcription_formats import event
from backend.serverless.errors import ReportedError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from backend.serverless.worker import Worker

MODELS = ("tts-1", "tts-1-hd", "gpt-4o-mini-tts")
"""Names that clients have built in; whatever name is asked for, the worker's engine answers."""

_OWN_NAMES = {"transcript": "input", "ref_audio": "voice"}
"""What OpenAI calls the fields of a job that have another name."""
_NOT_TAKEN = {"ref_audio": None, "speaker_description": None, "speed": 1.0}
"""Fields that only the server's own door takes, as they are when not given."""


def is_openai(job: Mapping[str, Any]) -> bool:
    """Whether this is a request to OpenAI's API."""
    given = job.get("input")
    return isinstance(given, dict) and cast("dict[str, Any]", given).get("openai_route") is not None


async def openai_outputs(worker: Worker, job: Mapping[str, Any]) -> AsyncGenerator[dict[str, Any] | str]:
    """The answer to a job of which `is_openai` holds. Speech comes as server-sent events, as over HTTP; a request that
    cannot be served has one output with OpenAI's `error`, and so has one that fails before the first event."""
    given = cast("dict[str, Any]", job["input"])
    match str(given["openai_route"]).strip("/").removeprefix("v1/"):
        case "models":
            names = (worker.model.engine.name, *MODELS)
            yield {"object": "list", "data": [_model(name) for name in names]}
        case "audio/speech":
            async with aclosing(_speech(worker, str(job.get("id", "")), given.get("openai_input"))) as events:
                async for output in events:
                    yield output
        case _:
            yield _refused("there is no such route here; there are /v1/models and /v1/audio/speech", "openai_route")


async def _speech(worker: Worker, job_id: str, body: object) -> AsyncGenerator[dict[str, Any] | str]:
    try:
        asked = SpeechRequest.model_validate(body)
    except ValidationError as error:
        problem = error.errors()[0]
        field = str(problem["loc"][0]) if problem["loc"] else "openai_input"
        yield _refused(f"{field}: {problem['msg']}", field)
        return
    if asked.stream_format != "sse":
        yield _refused("the queue passes on no audio by itself; ask for stream_format sse", "stream_format")
        return
    for field, unset in _NOT_TAKEN.items():
        if getattr(asked, field) != unset:
            yield _refused(f"{field}: is not taken over the queue", field)
            return
    begun = False
    async with aclosing(worker.run({"id": job_id, "input": _job_input(asked)})) as outputs:
        async for output in outputs:
            if "part" in output:
                begun = True
                yield delta_event(base64.b64decode(output["audio_base64"]))
            elif output["success"]:
                yield done_event(Usage.of(asked.input, output["duration_seconds"]))
            else:
                told: dict[str, object] = {"error": _openais(output["error"])}
                yield event(told) if begun else told


def _job_input(asked: SpeechRequest) -> dict[str, Any]:
    return {
        "transcript": asked.input,
        "ref_audio": asked.voice_name,
        "scene_prompt": asked.scene_prompt or asked.instructions,
        "output_format": asked.response_format,
        "temperature": asked.temperature,
        "top_k": asked.top_k,
        "top_p": asked.top_p,
        "ras_win_len": asked.ras_window_length,
        "ras_win_max_num_repeat": asked.ras_max_num_repeat,
        "seed": asked.seed,
        "stream": True,
    }


def _openais(error: ReportedError) -> ReportedError:
    """The worker's error in OpenAI's shape."""
    field = error["details"].get("field")
    param = _OWN_NAMES.get(field, field)
    message = error["message"].replace(field, param, 1) if field else error["message"]
    kind = "invalid_request_error" if error["type"] == "validation_error" else "server_error"
    return ReportedError(message=message, type=kind, param=param, code=error["code"].lower())


def _refused(message: str, param: str | None) -> dict[str, Any]:
    error = ReportedError(message=message, type="invalid_request_error", param=param, code="invalid_request")
    return {"error": error}


def _model(name: str) -> dict[str, object]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "voicechat"}
