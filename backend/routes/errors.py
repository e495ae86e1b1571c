"""Errors on HTTP: always OpenAI's shape, never a traceback."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from backend.errors import AtCapacity, EngineError, InvalidRequest, Unauthorized, VoiceChatError

if TYPE_CHECKING:
    from fastapi import FastAPI, Request

_STATUS: dict[type[VoiceChatError], int] = {InvalidRequest: 400, Unauthorized: 401, AtCapacity: 429, EngineError: 503}


def error_response(status: int, message: str, code: str, param: str | None = None) -> JSONResponse:
    """The error body every HTTP route answers with."""
    kind = "invalid_request_error" if status < 500 else "server_error"
    return JSONResponse({"error": {"message": message, "type": kind, "param": param, "code": code}}, status)


def install_error_handlers(app: FastAPI) -> None:
    """Map every error an HTTP route can raise to its status and body."""

    async def on_voicechat_error(_request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, VoiceChatError)
        status = next((status for kind, status in _STATUS.items() if isinstance(error, kind)), 500)
        return error_response(status, str(error), error.code)

    async def on_http_error(_request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        code = {404: "not_found", 405: "method_not_allowed"}.get(error.status_code, "http_error")
        return error_response(error.status_code, str(error.detail), code)

    async def on_invalid(_request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        problem = error.errors()[0]
        place = ".".join(str(part) for part in problem["loc"][1:])
        return error_response(422, f"{place}: {problem['msg']}", "invalid_request", place or None)

    app.add_exception_handler(VoiceChatError, on_voicechat_error)
    app.add_exception_handler(HTTPException, on_http_error)
    app.add_exception_handler(RequestValidationError, on_invalid)
