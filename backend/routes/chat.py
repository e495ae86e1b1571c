"""`POST /v1/chat/completions`: the language model, the cast and their voices as OpenAI's clients ask for them."""

from __future__ import annotations

import json
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request, Response

from backend.cast import deal_voices
from backend.cast_models import company
from backend.engines.interfaces import Relay
from backend.errors import EngineError
from backend.protocols.chat_completion import DONE
from backend.protocols.chat_messages import with_transcripts, without_own_fields
from backend.protocols.chat_request import ChatRequest, check_encodable
from backend.protocols.transcription_formats import event
from backend.routes.auth import authorized
from backend.routes.chat_answer import ChatAnswer, hears
from backend.routes.connected import stream, while_connected
from backend.routes.errors import body_of
from backend.routes.input_audio import with_recordings_read
from backend.routes.speech import check_voice

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from backend.server import Server

router = APIRouter(dependencies=[authorized], tags=["chat"])

_CONTENT: dict[str, dict[str, object]] = {"application/json": {}, "text/event-stream": {}}


@router.post("/v1/chat/completions", response_class=Response, responses={200: {"content": _CONTENT}})
async def chat_completions(request: Request, asked: ChatRequest) -> Response:
    """An answer to a conversation, in words or spoken, whole or as it comes."""
    server: Server = request.app.state.server
    engines = server.engines
    present = company(asked.model_name, deal_voices(server.defaults.cast, engines.tts.voices))
    if isinstance(engines.llm, Relay) and not asked.speaks and not present:
        return await _relayed(request, asked, engines.llm)
    if asked.speaks and asked.voice is not None:
        await check_voice(server, asked.voice, "audio.voice")
    generation = asked.generation(None if present else asked.engine_model)
    body = await _body(request, as_heard=hears(server, asked) and not present)
    answer = ChatAnswer(server, asked, generation, present, body["messages"])
    if asked.stream:
        return await stream(request, _events(answer.chunks()))
    return _json(await while_connected(request, answer.whole()))


async def _relayed(request: Request, asked: ChatRequest, llm: Relay) -> Response:
    """The answer of the language model's own server, as it is."""
    body = await _body(request)
    passed_on = {name: value for name, value in body.items() if name != "model" or asked.engine_model is not None}
    answer = llm.relay({**passed_on, "messages": without_own_fields(body["messages"])})
    if asked.stream:
        return await stream(request, _events(answer))
    return _json(await while_connected(request, _only(answer)))


async def _body(request: Request, *, as_heard: bool = False) -> dict[str, Any]:
    """The body as it was sent, with words for all that is spoken in its messages; recordings stay where they are to be
    heard."""
    server: Server = request.app.state.server
    body: dict[str, Any] = await request.json()
    messages = with_transcripts(body["messages"], server.spoken_answers.find)
    if not as_heard:
        messages = await while_connected(request, with_recordings_read(messages, server))
    body = {**body, "messages": messages}
    check_encodable(body)
    return body


async def _only(answer: AsyncGenerator[Mapping[str, Any]]) -> Mapping[str, Any]:
    async with aclosing(answer):
        return await anext(answer)


async def _events(chunks: AsyncGenerator[Mapping[str, Any]]) -> AsyncGenerator[str]:
    """Each chunk as an event. A failure after the first is an event too."""
    begun = False
    async with aclosing(chunks):
        try:
            async for chunk in chunks:
                yield event(dict(chunk))
                begun = True
        except EngineError as error:
            if not begun:
                raise
            yield event(body_of(error))
            return
    yield DONE


def _json(answer: Mapping[str, Any]) -> Response:
    # What a language model writes may hold half a character, which only escapes can carry.
    return Response(json.dumps(answer), media_type="application/json")
