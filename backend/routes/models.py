"""`GET /v1/models`: names for clients that look before they ask."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from backend.errors import NotFound
from backend.routes.auth import authorized

router = APIRouter(dependencies=[authorized])

MODELS = ("tts-1", "tts-1-hd", "gpt-4o-mini-tts", "whisper-1", "gpt-4o-transcribe", "gpt-4o-mini-transcribe")


@router.get("/v1/models")
async def models() -> JSONResponse:
    """Names that clients ask for; whatever the name, the server's own engines answer."""
    return JSONResponse({"object": "list", "data": [_model(name) for name in MODELS]})


@router.get("/v1/models/{name}")
async def model(name: str) -> JSONResponse:
    """One of them."""
    if name not in MODELS:
        raise NotFound(f"there is no model {name!r}; there are {', '.join(MODELS)}", "model")
    return JSONResponse(_model(name))


def _model(name: str) -> dict[str, object]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "voicechat"}
