"""Voices behind OpenAI-compatible servers, one or several that can do the same.

Every text goes to one server; where that one fails, or falls silent, another one finishes what it began.
"""

from __future__ import annotations

import asyncio
import random
from contextlib import AsyncExitStack, aclosing
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Self

import aiohttp

from backend.audio import sample_count
from backend.engines.fallback_voice import FallbackVoice
from backend.engines.interfaces import AS_USUAL
from backend.engines.patience import Ear, Patience
from backend.engines.remote import CONNECT_TIMEOUT_S, KEEP_ALIVE_S, SILENCE_TIMEOUT_S
from backend.engines.server_pool import ServerPool
from backend.engines.speech_dialects import DIALECTS
from backend.engines.speech_progress import SpeechProgress
from backend.engines.speech_server import SPEECH_RATE_HZ, ServerFailed, ServerLacks, SpeechServer
from backend.engines.tasks import stop
from backend.errors import EngineError
from backend.heard import SpeechRate

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping, Sequence
    from types import TracebackType

    from backend.engines.interfaces import Manner, Speech, TextToSpeech
    from backend.engines.speech_dialects import SpeechRequest

OPENAI_URL = "https://api.openai.com/v1"

SPEECH_VOICES = ("alloy", "onyx", "nova", "echo", "shimmer", "fable", "ash", "coral", "sage", "ballad", "verse")

SEEDS = 1 << 31

TOLERABLE_S = 0.8
"""How long a listener hears nothing at most for the sake of speech that is joined to the sample."""


class OpenAITextToSpeech:
    """Speech servers; see `TextToSpeech`."""

    name = "openai"
    stand_in = False
    sample_rate_hz = SPEECH_RATE_HZ
    voices = SPEECH_VOICES
    descriptions: Mapping[str, str] = MappingProxyType({})
    takes_descriptions = False

    def __init__(
        self,
        *,
        base_url: str | Sequence[str] | None,
        api_key: str | None,
        model: str,
        dialect: str = "openai",
        fallback: TextToSpeech | None = None,
        changed: asyncio.Event | None = None,
    ) -> None:
        """`base_url`: one address, or those of servers with the same model, voices and key. `dialect`: one of
        `DIALECTS`. `fallback` speaks when no server can; it is loaded and unloaded with this engine. `changed` is set
        when a server goes down or comes up."""
        urls = (base_url,) if isinstance(base_url, str) else base_url or (OPENAI_URL,)
        different = dict.fromkeys(url.rstrip("/") for url in urls)
        self.servers = ServerPool([SpeechServer(url) for url in different], self._servers_changed)
        self.dialect = DIALECTS[dialect]
        self.fallback = fallback
        self.rate: SpeechRate | None = None
        """How fast its voices speak; `None` until one has."""
        self._headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._model = model
        self._changed = changed
        self._running = AsyncExitStack()
        self._ready = False

    @property
    def ready(self) -> bool:
        return self._ready

    @property
    def clones_voices(self) -> bool:
        return self.dialect.clones_voices

    @property
    def detail(self) -> str:
        said = f"{self._model} at {', '.join(server.name for server in self.servers.servers)}"
        down = ", ".join(server.name for server in self.servers.down)
        return f"{said}; not answering: {down}" if self.several and down else said

    @property
    def several(self) -> bool:
        """Whether there is more than one server."""
        return len(self.servers.servers) > 1

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            if self.fallback is not None:
                await stack.enter_async_context(self.fallback)
            http = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEP_ALIVE_S),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT_S, sock_read=SILENCE_TIMEOUT_S),
                headers=self._headers,
            )
            await stack.enter_async_context(http)
            for server in self.servers.servers:
                server.http = http
            probing = asyncio.create_task(self.servers.probe_those_down(), name="speech servers")
            stack.push_async_callback(stop, probing)
            self._running, self._ready = stack.pop_all(), True
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ready = False
        for server in self.servers.servers:
            server.http = None
        await self._running.aclose()

    def open_voice(self, voice: str, manner: Manner = AS_USUAL) -> OpenAIVoiceGenerator:
        """A generator for a voice of the server; what the server does not know it refuses itself. Of the manner is
        passed on what the server's dialect has words for."""
        return OpenAIVoiceGenerator(self, voice or SPEECH_VOICES[0], manner)

    def settled(self, manner: Manner) -> Manner:
        """`manner`, and a seed with which another server draws the same, where one may have to finish the text."""
        drawn = self.several and self.dialect.takes_seeds and manner.seed is None
        return replace(manner, seed=random.randrange(SEEDS)) if drawn else manner

    def request(self, text: str, voice: str, manner: Manner) -> SpeechRequest:
        """What a server is asked."""
        return self.dialect.request(self._model, text, voice, manner)

    def _servers_changed(self) -> None:
        if self._changed is not None and self.several:
            self._changed.set()


class OpenAIVoiceGenerator:
    """A named voice of the servers. They keep no context for it, so there is none to carry but which of them it is, how
    fast it speaks, and what of it is still to be heard."""

    def __init__(self, engine: OpenAITextToSpeech, voice: str, manner: Manner) -> None:
        self._engine = engine
        self._voice = voice
        self._manner = manner
        self._server: SpeechServer | None = None
        self._rate: SpeechRate | None = None
        self._ear: Ear | None = None

    async def stream(self, text: str) -> AsyncGenerator[Speech]:
        """See `VoiceGenerator.stream`. Each server is asked at most once, then the fallback, if there is one."""
        ear = self._ear = self._ear or Ear(SPEECH_RATE_HZ, asyncio.get_running_loop().time)
        try:
            async with aclosing(self._speak(text, ear)) as speech:
                async for piece in speech:
                    yield piece
        except (GeneratorExit, asyncio.CancelledError):
            ear.interrupted()
            raise

    async def _speak(self, text: str, ear: Ear) -> AsyncGenerator[Speech]:
        engine, pool, fallback = self._engine, self._engine.servers, self._engine.fallback
        tried, failure = list[SpeechServer](), EngineError("tts", "there is no speech server")
        joins = engine.several or fallback is not None
        progress = SpeechProgress(text, self._rate or engine.rate, ear, joins=joins)
        patience = Patience(ear, lambda: fallback is not None or pool.is_left(tried), lambda: pool.best_pace(tried))
        manner = engine.settled(self._manner)
        while server := pool.choose(self._voice, self._server, tried, up_only=fallback is not None):
            if tried:
                pool.failed_over(tried[-1], server.name, heard=progress.passed > 0)
                if faded := self._skip(progress, tried[-1], server):
                    yield faded
            tried.append(server)
            self._server = server
            request = engine.request(progress.left, self._voice, manner)
            try:
                async with aclosing(_spoken(server, request, patience, progress)) as speech:
                    async for piece in speech:
                        yield piece
            except EngineError as error:
                if not progress.passed and not isinstance(error, ServerFailed | ServerLacks):
                    raise
                pool.failed(server, error)
                failure = error
            else:
                pool.spoke(server, instead_of=tried[:-1])
                self._learn(text, progress)
                return
        if fallback is None or (isinstance(failure, ServerLacks) and not progress.passed):
            raise failure
        async with aclosing(self._fall_back(text, progress, fallback, tried)) as speech:
            async for piece in speech:
                yield piece

    def _learn(self, text: str, progress: SpeechProgress) -> None:
        """How fast the voice speaks, by a text that one server has spoken; for voices that have not spoken, too."""
        if progress.begin == 0:
            self._rate, self._engine.rate = self._rate or SpeechRate(), self._engine.rate or SpeechRate()
            for rate in (self._rate, self._engine.rate):
                rate.learn(text, progress.taken_s)

    def _skip(self, progress: SpeechProgress, left: SpeechServer, server: SpeechServer) -> Speech | None:
        """Have `server`, instead of `left`, say only the rest of the text, if it would take too long to say again what
        was heard. The end of what was, faded."""
        pace = server.pace or left.pace
        if pace is None or progress.ear.silence_s(pace.until(progress.position_s)) <= TOLERABLE_S:
            return None
        return progress.go_on_from(progress.next_word) if progress.next_word > progress.begin else None

    async def _fall_back(
        self, text: str, progress: SpeechProgress, fallback: TextToSpeech, tried: Sequence[SpeechServer]
    ) -> AsyncGenerator[Speech]:
        """The rest of a text by another engine, in the voice that has the same name there."""
        if tried:
            self._engine.servers.failed_over(tried[-1], fallback.name, heard=progress.passed > 0)
        if faded := progress.go_on_from(progress.next_word):
            yield faded
        voice = FallbackVoice(fallback, fallback.open_voice(self._voice, self._manner), SPEECH_RATE_HZ)
        async with aclosing(voice.finish(text, progress.begin, progress.passed)) as speech:
            async for piece in speech:
                progress.ear.passed_on(sample_count(piece.pcm))
                yield piece
        for server in tried[-1:]:
            self._engine.servers.finished(server, fallback.name)


async def _spoken(
    server: SpeechServer, request: SpeechRequest, patience: Patience, progress: SpeechProgress
) -> AsyncGenerator[Speech]:
    """What is heard of a server's answer."""
    progress.next_take()
    patience.next_take()
    async with aclosing(server.stream(request, patience)) as pieces:
        async for pcm in pieces:
            if speech := progress.feed(pcm):
                yield speech
    if progress.breaks_off() and patience.anyone_else():
        raise ServerFailed(f"{server.name} ended its answer long before the end of the text")
    if rest := progress.finish():
        yield rest
