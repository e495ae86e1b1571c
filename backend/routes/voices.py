"""`/v1/audio/voices`: the voices there are, and those that clients add, change and delete."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request, Response

from backend.errors import InvalidRequest, NotFound
from backend.protocols.openai_speech import OPENAI_VOICES
from backend.protocols.openai_voices import (
    BODY,
    METHODS,
    ListedVoice,
    Voice,
    VoiceChange,
    VoiceDeleted,
    VoiceList,
    listed_added,
    listed_preset,
    shown,
)
from backend.routes.auth import authorized
from backend.routes.new_voice import new_voice

if TYPE_CHECKING:
    from backend.server import Server
    from backend.voice_library import LibraryVoice

router = APIRouter(dependencies=[authorized], tags=["speech"])


@router.get("/v1/audio/voices")
async def voices(request: Request) -> VoiceList:
    """The engine's own voices and those that were added."""
    server: Server = request.app.state.server
    tts = server.engines.tts
    presets = [listed_preset(name, tts.descriptions.get(name, "")) for name in tts.voices]
    added = [listed_added(voice, tts.descriptions) for voice in await server.voices.all()]
    can = {"audio_sample": tts.clones_voices, "prompt": tts.takes_descriptions, "preset": bool(tts.voices)}
    return VoiceList(voices=[*presets, *added], types=[kind for kind in METHODS if can[kind]])


@router.post(
    "/v1/audio/voices",
    response_model_exclude_none=True,
    openapi_extra={"requestBody": {"required": True, "content": BODY}},
)
async def add_voice(request: Request) -> Voice:
    """A voice that imitates an uploaded recording, is as a prompt describes it, or is a preset made one's own."""
    server: Server = request.app.state.server
    voice, warnings = await new_voice(request)
    await server.voices.add(voice)
    return shown(voice, server.engines.tts.descriptions, warnings)


@router.get("/v1/audio/voices/{voice_id}", response_model_exclude_none=True)
async def voice(request: Request, voice_id: str) -> Voice | ListedVoice:
    """All that is known of a voice."""
    server: Server = request.app.state.server
    tts = server.engines.tts
    if voice_id in tts.voices:
        return listed_preset(voice_id, tts.descriptions.get(voice_id, ""))
    return shown(await _found(server, voice_id), tts.descriptions)


@router.get(
    "/v1/audio/voices/{voice_id}/recording",
    response_class=Response,
    responses={200: {"content": {"audio/wav": {}}}},
)
async def recording(request: Request, voice_id: str) -> Response:
    """What a clone imitates, as it is kept: a WAV file, trimmed and levelled."""
    found = await _found(request.app.state.server, voice_id)
    if found.recording is None:
        raise NotFound(f"the voice {voice_id!r} has no recording", "voice_id")
    return Response(found.recording, media_type="audio/wav")


@router.put("/v1/audio/voices/{voice_id}", response_model_exclude_none=True)
async def change_voice(request: Request, voice_id: str, asked: VoiceChange) -> Voice:
    """Changes what is said of a voice that was added. Who is speaking with it goes on as before."""
    server: Server = request.app.state.server

    def changed(voice: LibraryVoice) -> LibraryVoice:
        new = replace(voice, **asked.fields)
        if new.method == "description" and not new.description:
            raise InvalidRequest("description: a voice by description needs one", param="description")
        if new.method != "clone" and new.transcript:
            raise InvalidRequest("ref_text: the voice has no recording in which it could be said", param="ref_text")
        return new

    _check_added(server, voice_id, "changed")
    voice = await server.voices.change(voice_id, changed)
    if voice is None:
        raise _unknown(voice_id)
    return shown(voice, server.engines.tts.descriptions)


@router.delete("/v1/audio/voices/{voice_id}")
async def delete_voice(request: Request, voice_id: str) -> VoiceDeleted:
    """Forgets a voice that was added. Who is speaking with it goes on."""
    server: Server = request.app.state.server
    _check_added(server, voice_id, "deleted")
    if not await server.voices.delete(voice_id):
        raise _unknown(voice_id)
    return VoiceDeleted(id=voice_id)


async def _found(server: Server, voice_id: str) -> LibraryVoice:
    voice = await server.voices.find(voice_id)
    if voice is None:
        raise _unknown(voice_id)
    return voice


def _check_added(server: Server, voice_id: str, what: str) -> None:
    """Raises `InvalidRequest` for a voice that the server has by itself."""
    if voice_id in (*server.engines.tts.voices, *OPENAI_VOICES):
        problem = f"the voice {voice_id!r} belongs to the server; only added ones are {what}"
        raise InvalidRequest(problem, param="voice_id")


def _unknown(voice_id: str) -> NotFound:
    return NotFound(f"there is no added voice {voice_id!r}", "voice_id")
