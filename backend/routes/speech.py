"""`POST /v1/audio/speech`."""

from __future__ import annotations

import logging
from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request, Response

from backend.audio import wav_bytes
from backend.decoding import decode
from backend.encoding import FORMATS, encoded, open_encoder
from backend.engines.bridge import call_in_thread
from backend.engines.interfaces import Recording
from backend.errors import EngineError, InvalidRequest, NotFound, TooLarge
from backend.pipelines.narration import Narration, spoken_sentences
from backend.protocols.openai_speech import (
    MAX_INPUT_CHARACTERS,
    OPENAI_VOICES,
    RATE_HZ,
    SpeechRequest,
    Usage,
    audio_bytes,
    delta_event,
    done_event,
    event,
)
from backend.routes.auth import authorized
from backend.routes.connected import stream, while_connected
from backend.routes.errors import body_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from backend.server import Server

log = logging.getLogger(__name__)
router = APIRouter(dependencies=[authorized], tags=["speech"])

LONGEST_RECORDING_S = 60
"""Of a voice to imitate; more only costs context."""

_CONTENT: dict[str, dict[str, object]] = {form.media_type: {} for form in FORMATS.values()} | {"text/event-stream": {}}


@router.post("/v1/audio/speech", response_class=Response, responses={200: {"content": _CONTENT}})
async def speech(request: Request, asked: SpeechRequest) -> Response:
    """Speech of a text, streamed as it is made."""
    server: Server = request.app.state.server
    await _check(server, asked)
    manner = asked.manner(await _recording(request, asked))
    tts = server.engines.tts
    generator = tts.open_voice(asked.voice_name, manner)
    sentences = spoken_sentences(asked.input)
    narration = Narration(generator, sentences, tts.sample_rate_hz, RATE_HZ, asked.speed)
    media_type = FORMATS[asked.response_format].media_type
    if asked.is_whole:
        body = await while_connected(request, _whole(asked, narration))
        return Response(body, media_type=media_type, headers=_account(asked, narration).headers())
    if asked.stream_format == "sse":
        return await stream(request, _events(asked, narration))
    return await stream(request, _audio(asked, narration), media_type)


async def _check(server: Server, asked: SpeechRequest) -> None:
    """Raises `TooLarge`, `NotFound` or `InvalidRequest` for what cannot be read out here."""
    tts = server.engines.tts
    if len(asked.input) > MAX_INPUT_CHARACTERS:
        raise TooLarge(f"input: a text has at most {MAX_INPUT_CHARACTERS} characters", "input")
    await check_voice(server, asked.voice_name, "voice")
    if asked.ref_audio is not None and not tts.clones_voices:
        problem = f"ref_audio: the voices of engine {tts.name} cannot be cloned; those of higgs and step-audio2 can"
        raise InvalidRequest(problem, param="ref_audio")


async def _recording(request: Request, asked: SpeechRequest) -> Recording | None:
    """The voice to imitate, as a WAV file. Raises `InvalidRequest` for what is no audio, or too much of it."""
    if asked.ref_audio is None:
        return None
    server: Server = request.app.state.server
    read = partial(decode, audio_bytes(asked.ref_audio, "ref_audio"), RATE_HZ, LONGEST_RECORDING_S)
    try:
        pcm = await while_connected(request, call_in_thread(read, server.decoding))
    except InvalidRequest as error:
        raise InvalidRequest(f"ref_audio: {error}", param="ref_audio") from error
    return Recording(wav_bytes(pcm, RATE_HZ), asked.ref_text or "")


async def check_voice(server: Server, voice: str, param: str) -> None:
    """Raises `NotFound` for a voice that is not there. OpenAI's names are always known: clients have them built in. A
    description is a voice of its own."""
    tts = server.engines.tts
    known: Sequence[str] = (*tts.voices, *OPENAI_VOICES)
    if voice in known or (tts.takes_descriptions and ";" in voice) or await server.voices.find(voice):
        return
    there = [*tts.voices, *(added.id for added in await server.voices.all())]
    raise NotFound(f"there is no voice {voice!r}; there are {', '.join(there)}", param)


async def _whole(asked: SpeechRequest, narration: Narration) -> bytes:
    async with aclosing(narration.stream()) as pieces:
        pcm = b"".join([piece async for piece in pieces])
    return encoded(asked.response_format, pcm, RATE_HZ)


async def _audio(asked: SpeechRequest, narration: Narration) -> AsyncGenerator[bytes]:
    """The file, piece by piece. However it ends, the engine has stopped then."""
    with open_encoder(asked.response_format, RATE_HZ) as encoder:
        async with aclosing(narration.stream()) as pieces:
            async for pcm in pieces:
                if data := encoder.feed(pcm):
                    yield data
        if data := encoder.finish():
            yield data
    if asked.stream_format != "sse":
        _account(asked, narration)


async def _events(asked: SpeechRequest, narration: Narration) -> AsyncGenerator[str]:
    """The same as events, and at last what was used. A failure after the first is an event too."""
    begun = False
    try:
        async with aclosing(_audio(asked, narration)) as pieces:
            async for piece in pieces:
                yield delta_event(piece)
                begun = True
    except EngineError as error:
        if not begun:
            raise
        yield event(body_of(error))
    else:
        yield done_event(_account(asked, narration))


def _account(asked: SpeechRequest, narration: Narration) -> Usage:
    usage = Usage.of(asked.input, narration.audio_s)
    log.info("speech", extra={"voice": asked.voice_name, "format": asked.response_format, **usage.model_dump()})
    return usage
