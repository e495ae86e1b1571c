"""Errors on HTTP: always OpenAI's shape, never a traceback."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import BaseRoute, Match

from backend.errors import (
    AtCapacity,
    Conflict,
    EngineError,
    InvalidRequest,
    NotFound,
    RequestRefused,
    StorageError,
    TooLarge,
    Unauthorized,
    VoiceChatError,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from fastapi import FastAPI, Request


class ErrorDetails(BaseModel):
    """What went wrong, for people (`message`) and for programs."""

    message: str
    type: str
    param: str | None
    code: str


class ErrorBody(BaseModel):
    """The body of every answer that is an error."""

    error: ErrorDetails


DOCUMENTED: dict[int | str, dict[str, Any]] = {
    "4XX": {"model": ErrorBody, "description": "The request cannot be served as it is."},
    "5XX": {"model": ErrorBody, "description": "The server or one of its engines cannot serve it now."},
}
"""For the OpenAPI document."""

_STATUS: dict[type[VoiceChatError], int] = {
    InvalidRequest: 400,
    Unauthorized: 401,
    NotFound: 404,
    Conflict: 409,
    TooLarge: 413,
    AtCapacity: 429,
    EngineError: 503,
    StorageError: 503,
}


def status_of(error: VoiceChatError) -> int:
    """The HTTP status an error has."""
    if isinstance(error, RequestRefused):
        return error.status
    return next((status for kind, status in _STATUS.items() if isinstance(error, kind)), 500)


def error_body(status: int, message: str, code: str, param: str | None = None) -> dict[str, object]:
    """What every HTTP route answers with when it fails, and the last event of a stream that does."""
    kind = "invalid_request_error" if status < 500 else "server_error"
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def body_of(error: VoiceChatError) -> dict[str, object]:
    """The same for an error that was raised on purpose."""
    code = error.reason if isinstance(error, RequestRefused) else error.code
    return error_body(status_of(error), str(error), code, error.param)


def error_response(status: int, message: str, code: str, param: str | None = None) -> JSONResponse:
    """The same as a response."""
    return JSONResponse(error_body(status, message, code, param), status)


def _methods(routes: Iterable[BaseRoute], request: Request) -> set[str]:
    """What the routes of this path can be asked."""
    here = [route for route in routes if isinstance(route, APIRoute) and route.matches(request.scope)[0] != Match.NONE]
    return {method for route in here for method in route.methods or ()}


def install_error_handlers(app: FastAPI, routes: Sequence[BaseRoute]) -> None:
    """Map every error that one of `routes` can raise to its status and body."""

    async def on_voicechat_error(_request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, VoiceChatError)
        return JSONResponse(body_of(error), status_of(error))

    async def on_http_error(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        status, said = error.status_code, str(error.detail)
        allowed = _methods(routes, request) if status in (404, 405) else set[str]()
        if allowed:
            # The page is asked whenever no route has the method, and knows only of its own files.
            status, said = 405, f"{request.method} is not a method of {request.url.path}"
        code = {404: "not_found", 405: "method_not_allowed", 413: "too_large"}.get(status, "http_error")
        response = error_response(status, said, code)
        response.headers.update({"allow": ", ".join(sorted(allowed))} if allowed else error.headers or {})
        return response

    async def on_invalid(_request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        problem = error.errors()[0]
        place = ".".join(str(part) for part in problem["loc"][1:])
        said = problem["msg"].removeprefix("Value error, ")
        return error_response(400, f"{place}: {said}" if place else said, "invalid_request", place or None)

    async def on_gone(_request: Request, _error: Exception) -> Response:
        return Response(status_code=499)  # nobody reads it

    app.add_exception_handler(VoiceChatError, on_voicechat_error)
    app.add_exception_handler(HTTPException, on_http_error)
    app.add_exception_handler(RequestValidationError, on_invalid)
    app.add_exception_handler(ClientDisconnect, on_gone)
