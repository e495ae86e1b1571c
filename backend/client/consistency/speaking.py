"""Has a running server speak: a conversation for each voice, whose sentences are kept, and the recordings it imitates.

A character keeps its voice across turns, and what holds it together, or lets it drift, is heard only there. The answers
are the language model's: sentences differ between voices and from run to run.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from itertools import cycle
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit, urlunsplit

import aiohttp

from backend.audio import read_wav, seconds
from backend.client.connection import AudioFrame, ConnectionFailed, connect, playback_position, user_text
from backend.client.consistency.spectrum import RATE_HZ
from backend.client.exchange import PATIENCE_S

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backend.client.connection import Connection

SHORTEST_S = 2.0
"""Shorter sentences say too little of a voice."""
TURNS_PER_SENTENCE = 3
"""A character that says less is not waited for any longer."""

SYSTEM_PROMPT = "You like to tell stories. You answer in three or four full sentences and never ask anything back."
LINES = (
    "Tell me something that happened to you last week.",
    "What do you remember of the house you grew up in?",
    "What would you do on a rainy afternoon?",
    "Tell me of somebody who taught you something.",
    "What is the best meal you ever had?",
    "Where would you like to travel, and why?",
)


@dataclass(frozen=True, slots=True)
class Sentence:
    """What was said, and how it sounded: PCM16LE mono 16 kHz."""

    text: str
    pcm: bytes


async def sentences_of(url: str, api_key: str | None, voice: str, count: int) -> list[Sentence]:
    """The first `count` sentences of at least `SHORTEST_S`, each another one, that a character with this voice says.

    Raises `ConnectionFailed` when the server does not say so many.
    """
    character = {"id": "speaker", "name": "Speaker", "voice": voice, "system_prompt": SYSTEM_PROMPT}
    said: dict[str, Sentence] = {}
    lines = cycle(LINES)
    async with connect(url, api_key) as connection:
        await connection.configure(characters=[character], output_rate=RATE_HZ)
        for _ in range(TURNS_PER_SENTENCE * count):
            await connection.send(user_text(next(lines)))
            for sentence in await _answer(connection):
                if seconds(sentence.pcm, RATE_HZ) >= SHORTEST_S:
                    said.setdefault(sentence.text, sentence)
            if len(said) >= count:
                return list(said.values())[:count]
    raise ConnectionFailed(f"{voice}: only {len(said)} different sentences of {SHORTEST_S} s or more were said")


async def _answer(connection: Connection) -> list[Sentence]:
    """The sentences of the next turn, each heard as soon as it comes."""
    texts: dict[tuple[int, int], str] = {}
    spoken: dict[tuple[int, int], bytearray] = {}
    messages = aiter(connection)
    while True:
        try:
            async with asyncio.timeout(PATIENCE_S):
                message = await anext(messages)
        except (TimeoutError, StopAsyncIteration) as error:
            raise ConnectionFailed("the server fell silent in the middle of a turn") from error
        match message:
            case AudioFrame():
                spoken.setdefault((message.reply, message.sentence), bytearray()).extend(message.pcm)
                heard = message.first_sample + message.samples
                await connection.send(playback_position(message.turn, message.reply, heard))
            case {"type": "reply.sentence"}:
                texts[message["reply"], message["sentence"]] = message["text"]
            case {"type": "error"}:
                raise ConnectionFailed(f"{message.get('code')}: {message.get('message')}")
            case {"type": "turn.done"}:
                return [Sentence(texts.get(place, ""), bytes(pcm)) for place, pcm in spoken.items()]
            case _:
                pass


class VoiceCatalogue:
    """The voices of the server whose socket is at `url`. Raises `ConnectionFailed` for what it does not answer."""

    def __init__(self, url: str, api_key: str | None) -> None:
        parts = urlsplit(url)
        scheme = {"ws": "http", "wss": "https"}.get(parts.scheme, parts.scheme)
        path = parts.path.removesuffix("/ws").rstrip("/")
        self._address = urlunsplit((scheme, parts.netloc, f"{path}/v1/audio/voices", "", ""))
        self._headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}

    async def ids(self) -> Sequence[str]:
        """Of all voices there are."""
        listed: dict[str, Any] = await self._get("", "json")
        return [voice["voice_id"] for voice in listed["voices"]]

    async def recording(self, voice: str) -> bytes | None:
        """What a voice imitates, as PCM16LE mono 16 kHz; `None` for a voice that imitates none."""
        data: bytes | None = await self._get(f"/{quote(voice, safe='')}/recording", "read")
        return None if data is None else read_wav(data, RATE_HZ)

    async def _get(self, path: str, how: str) -> Any:
        try:
            async with (
                aiohttp.ClientSession(headers=self._headers) as http,
                http.get(self._address + path) as response,
            ):
                if response.status == 404 and path:
                    return None
                response.raise_for_status()
                return await getattr(response, how)()
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise ConnectionFailed(f"{self._address}{path}: {str(error) or type(error).__name__}") from error
