"""A request to add a voice -> the voice, ready to be kept."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from backend.audio import wav_bytes
from backend.engines.bridge import call_in_thread
from backend.engines.interfaces import Hints
from backend.errors import InvalidRequest, TooLarge
from backend.pipelines.voice_sample import RATE_HZ, prepared, words_of
from backend.protocols.openai_voices import METHODS, VoiceRequest
from backend.protocols.transcription_formats import joined
from backend.routes.connected import at_most, while_connected
from backend.routes.forms import MAX_TEXT_BYTES, read_form
from backend.voice_library import LibraryVoice, content_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastapi import Request

    from backend.engines.interfaces import TextToSpeech
    from backend.server import Server

MAX_SAMPLE_BYTES = 10 << 20
"""OpenAI's limit."""


async def new_voice(request: Request) -> tuple[LibraryVoice, Sequence[str]]:
    """The voice that is asked for, and what is not as it should be in its recording. Raises `InvalidRequest` for what
    makes no voice here, `TooLarge`, and `EngineError("stt", ...)`."""
    server: Server = request.app.state.server
    asked, sample = await _read(request)
    match asked.type:
        case "audio_sample":
            return await _cloned(request, asked, sample)
        case "prompt":
            return _described(server.engines.tts, asked), ()
        case "preset":
            return _preset(server.engines.tts, asked), ()


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


def _voice(asked: VoiceRequest, content: bytes) -> LibraryVoice:
    """What all voices have; `content` is what this one is made from."""
    return LibraryVoice(
        content_id(content),
        asked.name,
        time.time(),
        METHODS[asked.type],
        description=asked.speaker_description or "",
        language=asked.language,
        scene_prompt=asked.scene_prompt,
        temperature=asked.temperature,
        top_p=asked.top_p,
        seed=asked.seed,
        consent=asked.consent,
    )


def _without_recording(asked: VoiceRequest, source: str) -> LibraryVoice:
    """Scene and seed make another voice of the same text or preset, so they are part of its id."""
    return _voice(asked, json.dumps([asked.type, source, asked.scene_prompt, asked.seed]).encode())


def _described(tts: TextToSpeech, asked: VoiceRequest) -> LibraryVoice:
    if not tts.takes_descriptions:
        problem = f"prompt: engine {tts.name} has no voices by description; --tts higgs has"
        raise InvalidRequest(problem, param="prompt")
    if asked.prompt is None:
        raise InvalidRequest("prompt: a voice of the type prompt needs a description", param="prompt")
    return replace(_without_recording(asked, asked.prompt), description=asked.prompt)


def _preset(tts: TextToSpeech, asked: VoiceRequest) -> LibraryVoice:
    if asked.preset is None or asked.preset not in tts.voices:
        problem = f"preset: a voice of the type preset names one of the server's own: {', '.join(tts.voices)}"
        raise InvalidRequest(problem, param="preset")
    return replace(_without_recording(asked, asked.preset), preset=asked.preset)


async def _cloned(request: Request, asked: VoiceRequest, sample: bytes | None) -> tuple[LibraryVoice, Sequence[str]]:
    server: Server = request.app.state.server
    engines = server.engines
    if not engines.tts.clones_voices:
        problem = f"audio_sample: the voices of engine {engines.tts.name} cannot be cloned; --tts higgs can"
        raise InvalidRequest(problem, param="audio_sample")
    if not sample:
        raise InvalidRequest("audio_sample: an uploaded recording is required", param="audio_sample")
    try:
        voice = await while_connected(request, call_in_thread(partial(prepared, sample), server.decoding))
    except InvalidRequest as error:
        raise InvalidRequest(f"audio_sample: {error}", param="audio_sample") from error
    warnings, text = list(voice.warnings), asked.ref_text
    if text is None:
        hints = Hints(language=asked.language or server.defaults.turn.language)
        heard = words_of(voice.pcm, engines.stt, engines.vad.open(), hints)
        text = joined(await while_connected(request, heard))
        if not text:
            warnings.append("no words were understood in the recording; say in ref_text what they are")
    made = _voice(asked, voice.pcm)
    return replace(made, recording=wav_bytes(voice.pcm, RATE_HZ), transcript=text), warnings
