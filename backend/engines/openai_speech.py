"""Voices behind OpenAI-compatible servers, one or several that can do the same.

Every text goes to one server; where that one fails, or falls silent, another one finishes what it began.
"""

from __future__ import annotations

import asyncio
import random
from contextlib import AsyncExitStack, aclosing
from types import MappingProxyType
from typing import TYPE_CHECKING, Self

import aiohttp

from backend.audio import sample_count
from backend.engines.fallback_voice import FallbackVoice, reached
from backend.engines.interfaces import AS_USUAL, Speech
from backend.engines.patience import Patience
from backend.engines.remote import CONNECT_TIMEOUT_S, KEEP_ALIVE_S, SILENCE_TIMEOUT_S
from backend.engines.server_pool import ServerPool
from backend.engines.speech_dialects import DIALECTS
from backend.engines.speech_joint import SpeechJoint
from backend.engines.speech_server import ServerFailed, SpeechServer
from backend.engines.tasks import stop
from backend.heard import SpeechRate

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping, Sequence
    from types import TracebackType

    from backend.engines.interfaces import Manner, TextToSpeech

OPENAI_URL = "https://api.openai.com/v1"

SPEECH_RATE_HZ = 24_000
"""OpenAI's `pcm` response format: PCM16LE mono 24 kHz."""

SPEECH_VOICES = ("alloy", "onyx", "nova", "echo", "shimmer", "fable", "ash", "coral", "sage", "ballad", "verse")

SEEDS = 1 << 31


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

    def request(self, text: str, fields: Mapping[str, object]) -> Mapping[str, object]:
        """What a server is asked. Where another one may have to finish it, it comes with a seed, so that both draw the
        same."""
        drawn = {"seed": random.randrange(SEEDS)} if self.several and self.dialect.takes_seeds else {}
        return {"model": self._model, "input": text, "response_format": "pcm", **drawn, **fields}

    def _servers_changed(self) -> None:
        if self._changed is not None and self.several:
            self._changed.set()


class OpenAIVoiceGenerator:
    """A named voice of the servers. They keep no context for it, so there is none to carry but which of them it is."""

    def __init__(self, engine: OpenAITextToSpeech, voice: str, manner: Manner) -> None:
        self._engine = engine
        self._voice = voice
        self._manner = manner
        self._fields = engine.dialect.fields(voice, manner)
        self._server: SpeechServer | None = None
        self._rate = SpeechRate()

    async def stream(self, text: str) -> AsyncGenerator[Speech]:
        """See `VoiceGenerator.stream`. Each server is asked at most once, then the fallback, if there is one."""
        engine, pool, tried = self._engine, self._engine.servers, list[SpeechServer]()
        fallback, failure = engine.fallback, None
        request = engine.request(text, self._fields)
        joint = SpeechJoint(SPEECH_RATE_HZ, joins=engine.several or fallback is not None)
        patience = Patience(
            SPEECH_RATE_HZ, lambda: fallback is not None or pool.is_left(tried), asyncio.get_running_loop().time
        )
        while server := pool.choose(self._voice, self._server, tried, up_only=fallback is not None):
            if tried:
                pool.failed_over(tried[-1], server.name, heard=joint.passed > 0)
            tried.append(server)
            self._server = server
            joint.next_take()
            patience.next_take()
            try:
                async with aclosing(server.stream(request, patience)) as pieces:
                    async for pcm in pieces:
                        if heard := joint.feed(pcm):
                            patience.passed_on(sample_count(heard))
                            yield Speech(heard)
            except ServerFailed as error:
                pool.failed(server, error)
                failure = error
                continue
            pool.spoke(server)
            self._rate.learn(text, joint.position / SPEECH_RATE_HZ)
            if heard := joint.finish():
                yield Speech(heard)
            return
        if fallback is None:
            assert failure is not None  # there is at least one server
            raise failure
        if tried:
            pool.failed_over(tried[-1], fallback.name, heard=joint.passed > 0)
        async with aclosing(self._fall_back(text, joint, fallback)) as speech:
            async for piece in speech:
                yield piece

    async def _fall_back(self, text: str, joint: SpeechJoint, fallback: TextToSpeech) -> AsyncGenerator[Speech]:
        """The rest of a text by another engine, in the voice that has the same name there."""
        length = joint.position / SPEECH_RATE_HZ * self._rate.characters_per_s
        if heard := joint.break_off():
            yield Speech(heard)
        voice = FallbackVoice(fallback, fallback.open_voice(self._voice, self._manner), SPEECH_RATE_HZ)
        async with aclosing(voice.finish(text, reached(text, length), joint.passed)) as speech:
            async for piece in speech:
                yield piece
