"""`/v1/audio/voices`: the voices there are, and those that clients add and delete."""

from __future__ import annotations

import json
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from backend.audio import wav_bytes
from backend.engines.bridge import call_in_thread
from backend.engines.interfaces import Hints, Recording
from backend.errors import InvalidRequest, NotFound, TooLarge
from backend.pipelines.voice_sample import RATE_HZ, prepared, words_of
from backend.protocols.openai_speech import OPENAI_VOICES
from backend.protocols.openai_voices import (
    BODY,
    Voice,
    VoiceDeleted,
    VoiceList,
    VoiceRequest,
    added,
    listed_added,
    listed_preset,
)
from backend.protocols.transcription_formats import joined
from backend.routes.auth import authorized
from backend.routes.connected import at_most, while_connected
from backend.routes.forms import MAX_TEXT_BYTES, read_form
from backend.voice_library import LibraryVoice, content_id

if TYPE_CHECKING:
    from backend.server import Server

router = APIRouter(dependencies=[authorized], tags=["speech"])

MAX_SAMPLE_BYTES = 10 << 20
"""OpenAI's limit."""


@router.get("/v1/audio/voices")
async def voices(request: Request) -> VoiceList:
    """The engine's own voices and those that were added."""
    server: Server = request.app.state.server
    tts = server.engines.tts
    presets = [listed_preset(name, tts.descriptions.get(name, "")) for name in tts.voices]
    return VoiceList(voices=[*presets, *(listed_added(voice) for voice in await server.voices.all())])


@router.post(
    "/v1/audio/voices",
    response_model_exclude_none=True,
    openapi_extra={"requestBody": {"required": True, "content": BODY}},
)
async def add_voice(request: Request) -> Voice:
    """A voice that imitates an uploaded recording, or is as a prompt describes it."""
    server: Server = request.app.state.server
    asked, sample = await _read(request)
    voice = _described(server, asked) if asked.type == "prompt" else await _cloned(request, asked, sample)
    await server.voices.add(voice)
    return added(voice)


@router.delete("/v1/audio/voices/{voice_id}")
async def delete_voice(request: Request, voice_id: str) -> VoiceDeleted:
    """Forgets a voice that was added. Who is speaking with it goes on."""
    server: Server = request.app.state.server
    if voice_id in (*server.engines.tts.voices, *OPENAI_VOICES):
        raise InvalidRequest(
            f"the voice {voice_id!r} belongs to the server; only added ones are deleted", None, "voice_id"
        )
    if not await server.voices.delete(voice_id):
        raise NotFound(f"there is no added voice {voice_id!r}", "voice_id")
    return VoiceDeleted(id=voice_id)


async def _read(request: Request) -> tuple[VoiceRequest, bytes | None]:
    """What is asked, and the uploaded file."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/json":
        return _validated(await _read_json(request)), None
    texts, sample = await read_form(request, "audio_sample", MAX_SAMPLE_BYTES)
    given = {name: values[-1] for name, values in texts.items() if values and values[-1].strip()}
    return _validated(given), sample


async def _read_json(request: Request) -> object:
    def too_large() -> TooLarge:
        return TooLarge(f"a request without a file has at most {MAX_TEXT_BYTES >> 20} MB")

    try:
        return json.loads(await at_most(MAX_TEXT_BYTES, request, too_large).body())
    except (ValueError, RecursionError) as error:
        raise InvalidRequest("the body is no JSON") from error


def _validated(fields: object) -> VoiceRequest:
    try:
        return VoiceRequest.model_validate(fields)
    except ValidationError as error:
        faults: list[Any] = error.errors(include_context=False)
        raise RequestValidationError([{**fault, "loc": ("body", *fault["loc"])} for fault in faults]) from error


def _described(server: Server, asked: VoiceRequest) -> LibraryVoice:
    tts = server.engines.tts
    if not tts.takes_descriptions:
        problem = f"prompt: engine {tts.name} has no voices by description; --tts higgs has"
        raise InvalidRequest(problem, param="prompt")
    if asked.prompt is None:
        raise InvalidRequest("prompt: a voice of the type prompt needs a description", param="prompt")
    return LibraryVoice(
        content_id(asked.prompt.encode()),
        asked.name,
        int(time.time()),
        description=asked.prompt,
        language=asked.language,
        scene_prompt=asked.scene_prompt,
    )


async def _cloned(request: Request, asked: VoiceRequest, sample: bytes | None) -> LibraryVoice:
    server: Server = request.app.state.server
    engines = server.engines
    if not engines.tts.clones_voices:
        problem = f"audio_sample: the voices of engine {engines.tts.name} cannot be cloned; --tts higgs can"
        raise InvalidRequest(problem, param="audio_sample")
    if not sample:
        raise InvalidRequest("audio_sample: an uploaded recording is required", param="audio_sample")
    try:
        pcm = await while_connected(request, call_in_thread(partial(prepared, sample), server.decoding))
    except InvalidRequest as error:
        raise InvalidRequest(f"audio_sample: {error}", param="audio_sample") from error
    text = asked.ref_text
    if text is None:
        hints = Hints(language=asked.language or server.defaults.turn.language)
        heard = words_of(pcm, engines.stt, engines.vad.open(), hints)
        text = joined(await while_connected(request, heard))
    return LibraryVoice(
        content_id(pcm),
        asked.name,
        int(time.time()),
        Recording(wav_bytes(pcm, RATE_HZ), text),
        description=asked.speaker_description or "",
        language=asked.language,
        scene_prompt=asked.scene_prompt,
        consent=asked.consent,
    )
