"""Speech servers that follow a script, without sockets, for tests on virtual time; and what a listener makes of it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import numpy as np

from backend.audio import sample_count
from backend.engines.interfaces import Manner
from backend.engines.openai_speech import OpenAITextToSpeech
from backend.engines.patience import Ear, Patience
from backend.engines.speech_server import ServerFailed, SpeechServer
from tests.engines.contract import drain
from tests.scripted import CHARACTER_S, RATE_HZ

if TYPE_CHECKING:
    from backend.errors import EngineError

PIECE_S = 0.1


def speech_of(text: str, take: int = 0) -> bytes:
    """What a server says: no two places are alike, and takes differ if their numbers do."""
    samples = int(len(text) * CHARACTER_S * RATE_HZ)
    return np.random.default_rng([take, *text.encode()]).integers(-9000, 9000, samples, "<i2").tobytes()


TEXT = "The harbour is quiet tonight, and the tide turns at four in the morning."
LENGTH_S = sample_count(speech_of(TEXT)) / RATE_HZ

LONGEST_WORD_S = 0.5
"""Of it, with what is counted off an estimate."""


class ScriptedServer(SpeechServer):
    """Speaks after `first_s`, and then so many times faster than it is heard, until it `dies_at` or `stalls_at` so many
    seconds of speech. `refusal` is raised instead of any speech. `take`: which of the possible ones it makes."""

    def __init__(self, name: str, *, first_s: float = 0.1, factor: float = 0.2, take: int = 0) -> None:
        super().__init__(f"http://{name}")
        self.first_s, self.factor, self.take = first_s, factor, take
        self.dies_at: float | None = None
        self.stalls_at: float | None = None
        self.pause: tuple[float, float] | None = None
        """At which second of its speech it is silent, and for how long."""
        self.ends_at: float | None = None
        """At which second of its speech the answer ends as if it were whole."""
        self.refusal: EngineError | None = None
        self.alive = True
        self.asked: list[dict] = []
        self.probed: list[float] = []
        self.open = 0

    async def audio(self, request):
        self.asked.append(dict(request.fields))
        self.open += 1
        try:
            if not self.alive:
                raise ServerFailed(f"{self.name}: nothing is listening there")
            if self.refusal is not None:
                raise self.refusal
            await asyncio.sleep(self.first_s)
            speech, step = speech_of(request.fields["input"], self.take), 2 * int(PIECE_S * RATE_HZ)
            if self.ends_at is not None:
                speech = speech[: 2 * int(self.ends_at * RATE_HZ)]
            for start in range(0, len(speech), step):
                await self._may_break_at(start / 2 / RATE_HZ)
                if start:
                    await asyncio.sleep(PIECE_S * self.factor)
                yield speech[start : start + step]
            await self._may_break_at(len(speech) / 2 / RATE_HZ)
        finally:
            self.open -= 1

    async def _may_break_at(self, seconds: float) -> None:
        if self.dies_at is not None and seconds >= self.dies_at:
            self.alive = False
        if not self.alive:
            raise ServerFailed(f"{self.name}: the connection was lost in the middle of the answer")
        if self.pause is not None and round(seconds - self.pause[0], 3) == 0:
            await asyncio.sleep(self.pause[1])
        if self.stalls_at is not None and seconds >= self.stalls_at:
            await asyncio.Event().wait()

    async def probe(self):
        self.probed.append(asyncio.get_running_loop().time())
        return self.alive


def engine_of(*servers: ScriptedServer, **settings) -> OpenAITextToSpeech:
    """The engine on these servers."""
    engine = OpenAITextToSpeech(
        base_url=[f"http://{server.name}" for server in servers], api_key=None, model="scripted", **settings
    )
    engine.servers.servers = servers
    return engine


def idle(engine: OpenAITextToSpeech) -> bool:
    """Whether no server works for anybody."""
    return not any(server.open or server.in_flight for server in engine.servers.servers)


def silences(arrivals: list[tuple[float, float]]) -> list[float]:
    """How long somebody hears nothing, who listens from the first of these on: when a piece came, and how long it is,
    in seconds."""
    heard_until, found = arrivals[0][0], []
    for at, seconds in arrivals:
        found.append(max(0.0, at - heard_until))
        heard_until = max(at, heard_until) + seconds
    return found


def two(**settings) -> tuple[ScriptedServer, ScriptedServer]:
    """Two of a kind."""
    return ScriptedServer("one", **settings), ScriptedServer("two", **settings)


async def spoken(engine, text: str = TEXT, voice: str = "nova", **manner) -> bytes:
    """What a new voice says of a text."""
    pieces = await drain(engine.open_voice(voice, Manner(**manner)).stream(text))
    return b"".join(piece.pcm for piece in pieces)


async def heard(engine, text: str = TEXT) -> tuple[bytes, float]:
    """What a new voice says, and the longest silence that a listener hears in it."""
    loop, arrivals, pcm = asyncio.get_running_loop(), [], b""
    async for piece in engine.open_voice("nova").stream(text):
        arrivals.append((loop.time(), sample_count(piece.pcm) / RATE_HZ))
        pcm += piece.pcm
    return pcm, max(silences(arrivals))


async def spoken_by(server: ScriptedServer, engine) -> None:
    """Have one of the servers say a text."""
    request = engine.request(TEXT, "nova", Manner())
    ear = Ear(RATE_HZ, asyncio.get_running_loop().time)
    await drain(server.stream(request, Patience(ear, lambda: False, lambda: None)))
    server.asked.clear()
