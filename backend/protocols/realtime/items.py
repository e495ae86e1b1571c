"""Items of the conversation: the lines of ours, as OpenAI's clients know them."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from openai.types.realtime import (
    ConversationItem,
    RealtimeConversationItemAssistantMessage,
    RealtimeConversationItemFunctionCall,
    RealtimeConversationItemFunctionCallOutput,
    RealtimeConversationItemSystemMessage,
    RealtimeConversationItemUserMessage,
)

from backend.errors import InvalidRequest
from backend.events import Outcome
from backend.lines import CallLine, Line, NoteLine, PersonLine, ReplyLine, ResultLine, new_id

if TYPE_CHECKING:
    from collections.abc import Iterable

    from backend.characters import Character
    from backend.protocols.realtime.wire import Wire

MAX_TEXT = 100_000
MAX_ID = 64


@dataclass(frozen=True, slots=True)
class Given:
    """An item of the client's. `sound`: what is still to be understood of it, in the session's input format."""

    line: Line
    sound: bytes = b""


def read_item(item: ConversationItem, speaker: Character, param: str = "item") -> Given:
    """The line that `item` is; `speaker` said what an assistant said. Raises `InvalidRequest` for what has no place in
    a conversation here."""
    if item.id is not None and not 0 < len(item.id) <= MAX_ID:
        raise InvalidRequest(f"{param}.id has 1 to {MAX_ID} characters", param=f"{param}.id")
    match item:
        case RealtimeConversationItemUserMessage():
            return _person(item, param)
        case RealtimeConversationItemSystemMessage():
            return Given(NoteLine(_text((part.text for part in item.content), param), item.id or new_id()))
        case RealtimeConversationItemAssistantMessage():
            text = _text((part.text or part.transcript for part in item.content), param)
            return Given(ReplyLine(speaker, item.id or new_id(), text, text, Outcome.COMPLETED))
        case RealtimeConversationItemFunctionCall():
            call_id = item.call_id or new_id("call")
            return Given(CallLine(speaker, call_id, item.name, item.arguments, item.id or new_id("fc")))
        case RealtimeConversationItemFunctionCallOutput():
            return Given(
                ResultLine(item.call_id, _text([item.output], param, may_be_empty=True), item.id or new_id("fco"))
            )
        case _:
            raise InvalidRequest(f"{param}: items of type {item.type!r} have no place here", param=f"{param}.type")


def _person(item: RealtimeConversationItemUserMessage, param: str) -> Given:
    if any(part.type == "input_image" for part in item.content):
        raise InvalidRequest(f"{param}: the characters do not see images", param=f"{param}.content")
    sound = b"".join(_sound(part.audio, param) for part in item.content if part.audio and not part.transcript)
    text = _text((part.text or part.transcript for part in item.content), param, may_be_empty=bool(sound))
    return Given(PersonLine(text, id=item.id or new_id()), sound)


def _sound(audio: str, param: str) -> bytes:
    try:
        return base64.b64decode(audio, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidRequest(f"{param}: the audio is not base64", param=f"{param}.content") from error


def _text(parts: Iterable[str | None], param: str, *, may_be_empty: bool = False) -> str:
    text = "\n".join(part for part in parts if part)
    if len(text) > MAX_TEXT:
        raise InvalidRequest(f"{param}: an item has at most {MAX_TEXT} characters", param=f"{param}.content")
    if not text and not may_be_empty:
        raise InvalidRequest(f"{param}: there is no text in it", param=f"{param}.content")
    return text


def item_of(line: Line, status: str | None = None) -> Wire:
    """The item that `line` is; `status` as it is if not given."""
    match line:
        case PersonLine(spoken=True):
            return spoken_item(line.id, line.text)
        case PersonLine(text=text):
            return _message(line.id, "user", [{"type": "input_text", "text": text}])
        case NoteLine(text, id_):
            return _message(id_, "system", [{"type": "input_text", "text": text}])
        case ReplyLine():
            return _message(line.id, "assistant", _said(line), status or _status(line))
        case CallLine():
            call = {"call_id": line.call_id, "name": line.name, "arguments": line.arguments}
            return _item(line.id, "function_call", status or "completed", **call)
        case ResultLine():
            return _item(line.id, "function_call_output", "completed", call_id=line.call_id, output=line.output)


def spoken_item(id_: str, transcript: str | None) -> Wire:
    """What the person said aloud."""
    return _message(id_, "user", [{"type": "input_audio", "transcript": transcript}])


def reply_item(id_: str, content: list[dict[str, Any]], status: str) -> Wire:
    """A reply under way."""
    return _message(id_, "assistant", content, status)


def call_item(id_: str, call_id: str, name: str, arguments: str, status: str) -> Wire:
    """A call under way."""
    return _item(id_, "function_call", status, call_id=call_id, name=name, arguments=arguments)


def _said(line: ReplyLine) -> list[dict[str, Any]]:
    text = line.remembered
    if line.spoken is not None:
        return [{"type": "output_audio", "transcript": text}]
    return [{"type": "output_text", "text": text}] if text else []


def _status(line: ReplyLine) -> str:
    if line.outcome is None:
        return "in_progress"
    return "completed" if line.outcome is Outcome.COMPLETED else "incomplete"


def _message(id_: str, role: str, content: list[dict[str, Any]], status: str = "completed") -> Wire:
    return _item(id_, "message", status, role=role, content=content)


def _item(id_: str, type_: str, status: str, **fields: Any) -> Wire:
    return {"id": id_, "object": "realtime.item", "type": type_, "status": status, **fields}
