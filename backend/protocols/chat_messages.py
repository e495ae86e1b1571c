"""The messages of a chat completion: the recordings in them, the earlier answers they refer to, and what language
models take of them. No I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from backend.cast_models import Line
from backend.engines.interfaces import Message
from backend.errors import InvalidRequest, NotFound
from backend.protocols.openai_speech import audio_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from backend.spoken_answers import SpokenAnswer

OWN_FIELD = "voicechat"
"""Of a message of this server's: `character`, who of the cast said it."""

Raw = dict[str, Any]
Place = tuple[int, int]
"""Of a part: the message's index, and the part's within it."""

_ROLES = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant", "tool": "tool"}


def param_of(place: Place) -> str:
    """How an error names the recording at that place."""
    return f"messages.{place[0]}.content.{place[1]}.input_audio.data"


def recordings(messages: Sequence[Raw]) -> dict[Place, bytes]:
    """The audio files in `input_audio` parts. Raises `InvalidRequest`."""
    found: dict[Place, bytes] = {}
    for index, message in enumerate(messages):
        for number, part in enumerate(_parts(message)):
            if not isinstance(part, dict) or cast("Raw", part).get("type") != "input_audio":
                continue
            place = index, number
            audio = cast("Raw", part).get("input_audio")
            data: object = cast("Raw", audio).get("data") if isinstance(audio, dict) else None
            if not isinstance(data, str) or not data:
                raise _problem(param_of(place), "a recording as base64 is required")
            found[place] = audio_bytes(data, param_of(place))
    return found


def with_texts(messages: Sequence[Raw], texts: Mapping[Place, str]) -> list[Raw]:
    """The messages with these texts for their recordings; others stay as they are."""
    spoken_in = {index for index, _ in texts}

    def replaced(index: int, message: Raw) -> Raw:
        if index not in spoken_in:
            return message
        parts = [
            {"type": "text", "text": texts[index, number]} if (index, number) in texts else part
            for number, part in enumerate(_parts(message))
        ]
        return {**message, "content": parts}

    return [replaced(index, message) for index, message in enumerate(messages)]


def with_transcripts(messages: Sequence[Raw], find: Callable[[str], SpokenAnswer | None]) -> list[Raw]:
    """The messages with the words of those earlier answers that are only given by the id of their audio, which stays.
    Raises `InvalidRequest` and, for an answer that is not kept, `NotFound`."""
    resolved: list[Raw] = []
    for index, message in enumerate(messages):
        if message.get("role") != "assistant" or message.get("audio") is None:
            resolved.append(message)
            continue
        param = f"messages.{index}.audio.id"
        audio = message["audio"]
        audio_id: object = cast("Raw", audio).get("id") if isinstance(audio, dict) else None
        if not isinstance(audio_id, str):
            raise _problem(param, "the id of an earlier answer's audio is required")
        answer = find(audio_id)
        if answer is None:
            raise NotFound(f"{param}: there is no answer {audio_id!r}, or it has expired", param)
        own = {} if answer.character is None else {OWN_FIELD: {"character": answer.character}}
        resolved.append({**message, **own, "content": message.get("content") or answer.transcript})
    return resolved


def without_recordings(messages: Sequence[Raw]) -> list[Raw]:
    """The messages without what is only to be heard. Raises `InvalidRequest` for recordings that are none."""
    return with_texts(messages, dict.fromkeys(recordings(messages), ""))


def without_own_fields(messages: Sequence[Raw]) -> list[Raw]:
    """The messages as other servers take them, which know none of our characters and answers."""
    own = {OWN_FIELD, "audio"}
    return [{name: value for name, value in message.items() if name not in own} for message in messages]


def lines(messages: Sequence[Raw]) -> list[Line]:
    """The messages as a language model of this server's takes them. Raises `InvalidRequest`."""
    return [_line(f"messages.{index}", message) for index, message in enumerate(messages)]


def _line(place: str, message: Raw) -> Line:
    role: object = message.get("role")
    if not isinstance(role, str) or role not in _ROLES:
        raise _problem(f"{place}.role", f"one of {', '.join(_ROLES)} is expected")
    plain = Message(role=_ROLES[role], content=_text(f"{place}.content", message.get("content"), role))
    if role == "tool":
        call: object = message.get("tool_call_id")
        if not isinstance(call, str):
            raise _problem(f"{place}.tool_call_id", "the id of the call that this answers is required")
        plain["tool_call_id"] = call
    if role != "assistant":
        return Line(plain)
    if calls := message.get("tool_calls"):
        if not isinstance(calls, list) or not all(isinstance(call, dict) for call in cast("list[object]", calls)):
            raise _problem(f"{place}.tool_calls", "a list of calls is expected")
        plain["tool_calls"] = cast("list[Raw]", calls)
    own: object = message.get(OWN_FIELD)
    character: object = cast("Raw", own).get("character") if isinstance(own, dict) else None
    return Line(plain, character if isinstance(character, str) else None)


def _text(place: str, content: object, role: str) -> str:
    match content:
        case str():
            return content
        case None if role == "assistant":
            return ""
        case list():
            parts = cast("list[object]", content)
            return "\n".join(_part_text(f"{place}.{number}", part) for number, part in enumerate(parts))
        case _:
            raise _problem(place, "a text or a list of parts is expected")


def _part_text(place: str, part: object) -> str:
    match part:
        case {"type": "text", "text": str(text)} | {"type": "refusal", "refusal": str(text)}:
            return text
        case _:
            raise _problem(place, "here only texts and recordings are understood")


def _parts(message: Raw) -> list[object]:
    content: object = message.get("content")
    return cast("list[object]", content) if isinstance(content, list) else []


def _problem(param: str, problem: str) -> InvalidRequest:
    return InvalidRequest(f"{param}: {problem}", param=param)
