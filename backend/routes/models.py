"""`GET /v1/models`: names for clients that look before they ask."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from backend.cast_models import cast_models
from backend.errors import NotFound
from backend.protocols.chat_request import OWN_MODELS
from backend.routes.auth import authorized

if TYPE_CHECKING:
    from backend.server import Server

router = APIRouter(dependencies=[authorized])

ENGINE_MODELS = ("tts-1", "tts-1-hd", "gpt-4o-mini-tts", "whisper-1", "gpt-4o-transcribe", "gpt-4o-mini-transcribe")


@router.get("/v1/models")
async def models(request: Request) -> JSONResponse:
    """Names that clients ask for, and the cast; whatever other name is asked for, the server's own engines answer."""
    return JSONResponse({"object": "list", "data": [_model(name) for name in _names(request)]})


@router.get("/v1/models/{name}")
async def model(request: Request, name: str) -> JSONResponse:
    """One of them."""
    names = _names(request)
    if name not in names:
        raise NotFound(f"there is no model {name!r}; there are {', '.join(names)}", "model")
    return JSONResponse(_model(name))


def _names(request: Request) -> list[str]:
    server: Server = request.app.state.server
    return [*OWN_MODELS, *cast_models(server.defaults.cast), *ENGINE_MODELS]


def _model(name: str) -> dict[str, object]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "voicechat"}
