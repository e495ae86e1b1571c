"""Client events as clients send them, validated by the types of the `openai` package."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, cast

from openai.types.realtime import (
    ConversationItemDeleteEvent,
    ConversationItemRetrieveEvent,
    ConversationItemTruncateEvent,
    InputAudioBufferAppendEvent,
    InputAudioBufferClearEvent,
    InputAudioBufferCommitEvent,
    OutputAudioBufferClearEvent,
    RealtimeConversationItemAssistantMessage,
    RealtimeConversationItemFunctionCall,
    RealtimeConversationItemFunctionCallOutput,
    RealtimeConversationItemSystemMessage,
    RealtimeConversationItemUserMessage,
    RealtimeResponseCreateParams,
    RealtimeSessionCreateRequest,
    RealtimeTranscriptionSessionCreateRequest,
    ResponseCancelEvent,
)
from pydantic import BaseModel, ValidationError

from backend.errors import InvalidRequest

if TYPE_CHECKING:
    from openai.types.realtime import ConversationItem

SessionChange = RealtimeSessionCreateRequest | RealtimeTranscriptionSessionCreateRequest


@dataclass(frozen=True, slots=True)
class SessionUpdate:
    """`session.update`."""

    change: SessionChange


@dataclass(frozen=True, slots=True)
class ItemCreate:
    """`conversation.item.create`."""

    item: ConversationItem
    after: str | None


@dataclass(frozen=True, slots=True)
class ResponseCreate:
    """`response.create`. `input` holds items and ids of items; `None`: the conversation."""

    wish: RealtimeResponseCreateParams
    input: tuple[ConversationItem | str, ...] | None


Plain = (
    InputAudioBufferAppendEvent
    | InputAudioBufferCommitEvent
    | InputAudioBufferClearEvent
    | OutputAudioBufferClearEvent
    | ConversationItemDeleteEvent
    | ConversationItemRetrieveEvent
    | ConversationItemTruncateEvent
    | ResponseCancelEvent
)
Request = SessionUpdate | ItemCreate | ResponseCreate | Plain

_PLAIN: dict[str, type[Plain]] = {
    "input_audio_buffer.append": InputAudioBufferAppendEvent,
    "input_audio_buffer.commit": InputAudioBufferCommitEvent,
    "input_audio_buffer.clear": InputAudioBufferClearEvent,
    "output_audio_buffer.clear": OutputAudioBufferClearEvent,
    "conversation.item.delete": ConversationItemDeleteEvent,
    "conversation.item.retrieve": ConversationItemRetrieveEvent,
    "conversation.item.truncate": ConversationItemTruncateEvent,
    "response.cancel": ResponseCancelEvent,
}
_SESSIONS: dict[str, type[SessionChange]] = {
    "realtime": RealtimeSessionCreateRequest,
    "transcription": RealtimeTranscriptionSessionCreateRequest,
}
_MESSAGES: dict[str, type[ConversationItem]] = {
    "system": RealtimeConversationItemSystemMessage,
    "user": RealtimeConversationItemUserMessage,
    "assistant": RealtimeConversationItemAssistantMessage,
}
_ITEMS: dict[str, type[ConversationItem]] = {
    "function_call": RealtimeConversationItemFunctionCall,
    "function_call_output": RealtimeConversationItemFunctionCallOutput,
}
_REFERENCE = "item_reference"

Object = dict[str, Any]
Model = TypeVar("Model", bound=BaseModel)


def read_object(message: str | bytes) -> Object:
    """The JSON object in a message. Raises `InvalidRequest`."""
    try:
        text = message if isinstance(message, str) else message.decode()
        found: object = json.loads(text, parse_float=_finite, parse_constant=_finite)
        if "\\u" in text:
            json.dumps(found, ensure_ascii=False).encode()  # half a surrogate pair cannot be sent on
    except (ValueError, RecursionError) as error:
        raise InvalidRequest("events are JSON objects in text messages") from error
    if not isinstance(found, dict):
        raise InvalidRequest("an event is a JSON object")
    return cast("Object", found)


def _finite(number: str) -> float:
    """What JSON can say again."""
    found = float(number)
    if not math.isfinite(found):
        raise ValueError(f"{number} is no number of JSON")
    return found


def event_id(given: Object) -> str | None:
    """What the client calls its event, for errors about it."""
    named = given.get("event_id")
    return named if isinstance(named, str) and len(named) <= 512 else None


def read_request(given: Object) -> Request:
    """What the client wants. Raises `InvalidRequest` with the field that is to blame."""
    kind = given.get("type")
    match kind:
        case "session.update":
            session = _object(given, "session")
            model = _SESSIONS.get(str(session.get("type")))
            if model is None:
                raise InvalidRequest('session.type is "realtime" or "transcription"', param="session.type")
            return SessionUpdate(_validated(model, session, "session"))
        case "conversation.item.create":
            after = given.get("previous_item_id")
            if after is not None and not isinstance(after, str):
                raise InvalidRequest("previous_item_id is a string", param="previous_item_id")
            return ItemCreate(_item(_object(given, "item"), "item"), after)
        case "response.create":
            return _response_create(_object(given, "response") if given.get("response") is not None else {})
        case str() if kind in _PLAIN:
            return _validated(_PLAIN[kind], given, "")
        case _:
            raise InvalidRequest(f"there is no client event {str(kind)[:64]!r}", param="type")


def _response_create(wish: Object) -> ResponseCreate:
    given = wish.get("input")
    told: tuple[ConversationItem | str, ...] | None = None
    if given is not None:
        if not isinstance(given, list):
            raise InvalidRequest("response.input is a list of items", param="response.input")
        entries = cast("list[object]", given)
        told = tuple(_entry(entry, f"response.input[{index}]") for index, entry in enumerate(entries))
    rest = {name: value for name, value in wish.items() if name != "input"}
    return ResponseCreate(_validated(RealtimeResponseCreateParams, rest, "response"), told)


def _entry(entry: object, at: str) -> ConversationItem | str:
    if not isinstance(entry, dict):
        raise InvalidRequest(f"{at} is an item", param=at)
    item = cast("Object", entry)
    if item.get("type") == _REFERENCE and isinstance(item.get("id"), str):
        return item["id"]
    return _item(item, at)


def _item(item: Object, at: str) -> ConversationItem:
    kind, role = item.get("type"), item.get("role")
    model = _MESSAGES.get(str(role)) if kind == "message" else _ITEMS.get(str(kind))
    if model is None:
        if kind == "message":
            raise InvalidRequest(f"{at}: a message's role is one of {', '.join(_MESSAGES)}", param=f"{at}.role")
        raise InvalidRequest(f"{at}: no item is a {str(kind)[:64]!r} here", param=f"{at}.type")
    return _validated(model, item, at)


def _object(given: Object, name: str) -> Object:
    found = given.get(name)
    if not isinstance(found, dict):
        raise InvalidRequest(f"{name} is an object", param=name)
    return cast("Object", found)


def _validated(model: type[Model], given: Object, at: str) -> Model:
    try:
        return model.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join((*([at] if at else []), *(str(part) for part in first["loc"])))
        raise InvalidRequest(f"{place}: {first['msg']}", param=place) from None
