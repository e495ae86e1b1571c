"""Recordings in the messages of a chat completion, turned into what is said in them."""

from __future__ import annotations

from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING, Any

from backend.audio import seconds
from backend.decoding import decode
from backend.engines.bridge import call_in_thread
from backend.engines.interfaces import HEARING_RATE_HZ, Hints
from backend.errors import InvalidRequest
from backend.pipelines.transcription import transcribe
from backend.protocols.chat_messages import Place, param_of, recordings, with_texts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backend.server import Server

LONGEST_S = 1800
"""All recordings of one request together."""


async def with_recordings_read(messages: Sequence[dict[str, Any]], server: Server) -> list[dict[str, Any]]:
    """The messages with text for every `input_audio` part; all parts are looked at before the recogniser is asked.

    Raises `InvalidRequest` for what is no recording or too long, and `EngineError("stt", ...)`.
    """
    left_s = float(LONGEST_S)
    heard: dict[Place, bytes] = {}
    for place, data in recordings(messages).items():
        try:
            pcm = await call_in_thread(partial(decode, data, HEARING_RATE_HZ), server.decoding)
        except InvalidRequest as error:
            raise InvalidRequest(f"{param_of(place)}: {error}", param=param_of(place)) from error
        left_s -= seconds(pcm, HEARING_RATE_HZ)
        if left_s < 0:
            problem = f"{param_of(place)}: the recordings of a request last at most {LONGEST_S // 60} minutes"
            raise InvalidRequest(problem, param=param_of(place))
        heard[place] = pcm
    return with_texts(messages, {place: await _said(pcm, server) for place, pcm in heard.items()})


async def _said(pcm: bytes, server: Server) -> str:
    hints = Hints(language=server.defaults.turn.language)
    async with aclosing(transcribe(pcm, server.engines.stt, server.engines.vad.open(), hints)) as segments:
        return " ".join([segment.text async for segment in segments])
