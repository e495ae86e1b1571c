"""What speech servers' answers hold: raw PCM, or chat completions' events with PCM in them; and what is neither.

Servers end an answer that went wrong in many ways as if all were well: with an error as JSON among the samples, in the
middle of a sample, without any sound. All of that is `NotSpeech`.
"""

from __future__ import annotations

import base64
import json
import re
from typing import Any, Protocol, cast

from backend.audio import whole_samples

LONGEST_LINE = 1 << 24
"""Bytes of an event; a second of speech takes 64 KiB."""

_ERROR = b'{"error"'
"""What servers write that fail in the middle of their answer. As samples it would be noise."""
_TELLING = 8
"""Bytes from which it is told what an answer is."""
_OTHER = re.compile(
    rb'\s*(?P<JSON>[{\[]\s*"[a-z]{2})|\s*(?P<HTML><[!a-z]{3})|(?P<events>(?:data|event): ?[\w{])'
    rb"|(?P<WAV>RIFF)|(?P<Ogg>OggS)|(?P<FLAC>fLaC)|(?P<MP3>ID3[\x02-\x04])",
    re.IGNORECASE,
)


class NotSpeech(Exception):
    """The answer is something else, or less; `str(error)` says what, for a person."""


class Body(Protocol):
    """An answer as it comes."""

    def feed(self, data: bytes) -> bytes:
        """The PCM16LE in it, in whole samples; may be empty. Raises `NotSpeech`, as `finish`."""
        ...

    def finish(self) -> None:
        """It ends here."""
        ...


class RawBody:
    """PCM and nothing else."""

    def __init__(self) -> None:
        self._kept = b""
        """What is not passed on yet: the beginning until it is known what it is, then half a sample."""
        self._recent = b""
        self._begun = False

    def feed(self, data: bytes) -> bytes:
        self._kept += data
        if not self._begun and len(self._kept) < _TELLING:
            return b""
        if not self._begun and (other := _OTHER.match(self._kept)):
            raise NotSpeech(_said(self._kept) or f"{other.lastgroup} instead of raw PCM")
        self._begun = True
        seen = self._recent + data
        if (at := seen.find(_ERROR)) >= 0:
            raise NotSpeech(_said(seen[at:]) or "an error in the middle of the speech")
        self._recent = seen[1 - len(_ERROR) :]
        pcm = whole_samples(self._kept)
        self._kept = self._kept[len(pcm) :]
        return pcm

    def finish(self) -> None:
        if len(self._kept) % 2:
            raise NotSpeech("an answer that ends in the middle of a sample")
        if not self._begun:
            raise NotSpeech(_said(self._kept) or "no sound")


class ChatBody:
    """Events of chat completions whose pieces have PCM16LE in base64, between an id and an expiry that say nothing."""

    def __init__(self) -> None:
        self._line = bytearray()
        self._half = b""
        self._spoke = self._done = False

    def feed(self, data: bytes) -> bytes:
        *lines, rest = data.split(b"\n")
        pcm = b""
        for line in lines:
            pcm += self._in_line(bytes(self._line + line))
            self._line.clear()
        self._line += rest
        if len(self._line) > LONGEST_LINE:
            raise NotSpeech("an event that does not end")
        whole = whole_samples(self._half + pcm)
        self._half = (self._half + pcm)[len(whole) :]
        self._spoke |= bool(whole)
        return whole

    def finish(self) -> None:
        if not self._done:
            raise NotSpeech("an answer that ends before its last event")
        if not self._spoke:
            raise NotSpeech("no sound")

    def _in_line(self, line: bytes) -> bytes:
        kind, _, value = line.strip().partition(b":")
        if kind != b"data":
            return b""
        if value.strip() == b"[DONE]":
            self._done = True
            return b""
        try:
            event = json.loads(value)
        except (ValueError, RecursionError) as error:
            raise NotSpeech("an event that cannot be understood") from error
        if isinstance(event, dict) and "error" in event:
            raise NotSpeech(_message(event) or "an error in the middle of the speech")
        return _sound_in(event)


def _sound_in(event: Any) -> bytes:
    """The PCM in the first choice of a chunk; other chunks are text, or how much that was."""
    try:
        audio = event["choices"][0]["delta"]["audio"]
    except (KeyError, IndexError, TypeError):
        return b""
    try:
        return base64.b64decode(audio["data"], validate=True) if audio else b""
    except (ValueError, KeyError, TypeError) as error:
        raise NotSpeech("sound that is not base64") from error


def _said(data: bytes) -> str:
    """What an error in JSON says, if that is what it is and it has come whole."""
    try:
        return _message(json.JSONDecoder().raw_decode(data.decode(errors="replace").lstrip())[0])
    except (ValueError, RecursionError):
        return ""


def _message(answer: Any) -> str:
    """The message of an error in OpenAI's shape, or in one of the simpler ones, kept short."""
    for name in ("error", "message", "detail"):
        answer = cast("dict[str, Any]", answer).get(name, answer) if isinstance(answer, dict) else answer
    return str(answer)[:500]
