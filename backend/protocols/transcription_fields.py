"""The form fields of OpenAI's `POST /v1/audio/transcriptions` -> what is asked. No I/O."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

from backend.engines.interfaces import Hints
from backend.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ResponseFormat = Literal["json", "text", "verbose_json", "srt", "vtt"]
FORMATS: tuple[ResponseFormat, ...] = get_args(ResponseFormat)

MOST_PROMPT_WORDS = 100
"""Of a longer prompt the last words count, as with OpenAI."""

LONGEST_PROMPT_WORD = 64

FORM: dict[str, object] = {
    "multipart/form-data": {
        "schema": {
            "type": "object",
            "required": ["file", "model"],
            "properties": {
                "file": {"type": "string", "format": "binary"},
                "model": {"type": "string"},
                "language": {"type": "string", "pattern": "^[a-z]{2}$"},
                "prompt": {"type": "string"},
                "response_format": {"type": "string", "enum": list(FORMATS), "default": "json"},
                "timestamp_granularities[]": {"type": "array", "items": {"type": "string", "enum": ["segment"]}},
                "stream": {"type": "boolean", "default": False},
            },
        }
    }
}
"""For the OpenAPI document."""


@dataclass(frozen=True, slots=True)
class TranscriptionRequest:
    """How a recording is to be transcribed."""

    response_format: ResponseFormat
    stream: bool
    hints: Hints


def read_fields(fields: Mapping[str, Sequence[str]], default_language: str | None) -> TranscriptionRequest:
    """The request of a form's text fields, each with all its values. Empty ones and unknown ones are as if not given.

    `default_language`: ISO 639-1, for requests that name none. Raises `InvalidRequest`.
    """
    given = {name: values[-1].strip() for name, values in fields.items() if values and values[-1].strip()}
    if "model" not in given:
        raise at_fault("model", "this field is required")
    response_format = _format(given.get("response_format", "json"))
    stream = _flag("stream", given.get("stream", "false"))
    if stream and response_format not in ("json", "text"):
        raise at_fault("stream", "goes with response_format json or text only")
    for granularity in fields.get("timestamp_granularities[]", ()):
        _check_granularity(granularity, response_format)
    language = given.get("language", default_language)
    if "language" in given and not re.fullmatch("[a-z]{2}", given["language"]):
        raise at_fault("language", "an ISO 639-1 code such as en is expected")
    return TranscriptionRequest(response_format, stream, Hints(_words(given.get("prompt", "")), language))


def at_fault(field: str, problem: str) -> InvalidRequest:
    """The error of a request in which `field` is wrong."""
    return InvalidRequest(f"{field}: {problem}", param=field)


def _format(name: str) -> ResponseFormat:
    for allowed in FORMATS:
        if name == allowed:
            return allowed
    raise at_fault("response_format", f"one of {', '.join(FORMATS)} is expected")


def _flag(name: str, value: str) -> bool:
    match value.lower():
        case "true" | "1":
            return True
        case "false" | "0":
            return False
        case _:
            raise at_fault(name, "true or false is expected")


def _check_granularity(granularity: str, response_format: ResponseFormat) -> None:
    if granularity not in ("segment", "word"):
        raise at_fault("timestamp_granularities[]", "segment is expected")
    if response_format != "verbose_json":
        raise at_fault("timestamp_granularities[]", "goes with response_format verbose_json only")
    if granularity == "word":
        raise at_fault("timestamp_granularities[]", "word is not supported, the times of single words are unknown")


def _words(prompt: str) -> tuple[str, ...]:
    """The different words of a prompt, without punctuation."""
    words = [word for word in re.findall(r"\w(?:[\w'’.-]*\w)?", prompt) if len(word) <= LONGEST_PROMPT_WORD]
    return tuple(dict.fromkeys(words[-MOST_PROMPT_WORDS:]))
