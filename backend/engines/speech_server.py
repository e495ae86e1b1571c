"""One speech server: what it is asked, what it answers, passed on as it arrives, and how the server is.

One request per sentence stands between the writer and the first sound, so it is made with aiohttp directly: 2 ms less
of the server's own time than through the official client, a third of all time to first audio that is not an engine's.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

import aiohttp

from backend.audio import sample_count
from backend.engines.pace import Take
from backend.engines.remote import ABOUT_THE_REQUEST, reason
from backend.engines.speech_body import NotSpeech
from backend.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from backend.engines.pace import Pace
    from backend.engines.patience import Patience
    from backend.engines.speech_dialects import SpeechRequest

SPEECH_RATE_HZ = 24_000
"""OpenAI's `pcm` response format, in which all servers answer: PCM16LE mono 24 kHz."""

NOT_FOUND = 404
TOO_MANY_REQUESTS = 429

PROBE_TIMEOUT_S = 5.0
REASON_BYTES = 4096
"""Of an error response, so much is read."""
_SOON = aiohttp.ClientTimeout(total=1.0)

NO_ROUTE = (404, 405)
"""What a server answers that does not list its models; it is there."""

_NO_SOUND = ("text/event-stream", "text/html", "application/json")
"""Content types of answers that would be noise; servers give their PCM all kinds of other ones."""


class ServerFailed(EngineError):
    """This server cannot speak now; another one could."""

    def __init__(self, message: str, retry_after_s: float = 0.0) -> None:
        super().__init__("tts", message)
        self.retry_after_s = retry_after_s
        """How long it wants to be left alone."""


class ServerLacks(EngineError):
    """This server does not have what is asked for; another one might. It is not to blame."""

    def __init__(self, message: str) -> None:
        super().__init__("tts", message)


class SpeechServer:
    """The server at one address. `up`, `troubles` and `retry_at` are kept by who chooses among servers."""

    def __init__(self, base_url: str, http: aiohttp.ClientSession | None = None) -> None:
        self.http = http
        """What requests are made with; `None` while the engine is not running."""
        self._base_url = base_url
        self.name = _without_key(self._base_url)
        """The address, for people."""
        self.up = True
        """Whether requests are sent to it while there are others."""
        self.troubles = 0
        """Failures since it last spoke a text to its end."""
        self.retry_at = 0.0
        """When it may be asked how it is, by the loop's clock; of one that is down."""
        self.in_flight = 0
        """Texts it is speaking for us."""
        self.requests = 0
        """Texts it was asked to speak."""
        self.failures = 0
        """Of these, the ones it failed at."""
        self.failed_at: float | None = None
        """When it last did, in seconds since 1970."""
        self.pace: Pace | None = None
        """How fast it spoke last; `None` before it has spoken."""

    async def stream(self, request: SpeechRequest, patience: Patience) -> AsyncGenerator[bytes]:
        """Speech as the request asks for it: PCM16LE mono in whole samples. Closing the stream closes the connection.

        Raises `ServerFailed` when the server is to blame, or silent for longer than `patience` allows, else
        `EngineError`.
        """
        take = Take(SPEECH_RATE_HZ, asyncio.get_running_loop().time)
        self.requests += 1
        self.in_flight += 1
        try:
            async with aclosing(self.audio(request)) as pieces:
                while True:
                    take.asks()
                    limit_s = patience.seconds(take, self.pace)
                    try:
                        async with asyncio.timeout(limit_s):
                            pcm = await anext(pieces, None)
                    except TimeoutError as error:
                        raise ServerFailed(f"{self.name} sent nothing for {limit_s:.1f} s") from error
                    if pcm is None:
                        return
                    take.came(sample_count(pcm))
                    yield pcm
                    if patience.is_over(take):
                        raise ServerFailed(f"{self.name} makes too many gaps")
        finally:
            self.in_flight -= 1
            self.pace = take.pace(self.pace) or self.pace

    async def audio(self, request: SpeechRequest) -> AsyncGenerator[bytes]:
        """The same, however long the server is silent."""
        body, url = request.body(), f"{self.name}{request.path}"
        try:
            async with await self._post(request) as response:
                if response.status != 200:
                    raise await _refusal(response)
                if response.content_type in _NO_SOUND and response.content_type != request.content_type:
                    raise NotSpeech(f"{response.content_type} instead of sound")
                async for data in response.content.iter_any():
                    if pcm := body.feed(data):
                        yield pcm
                body.finish()
                if not _has_an_end(response) and not await self._listens():
                    raise ServerFailed(f"{url}: the server went away, and its answer may not be whole")
        except NotSpeech as error:
            raise ServerFailed(f"{url} answered with {error}") from error
        except TimeoutError as error:
            raise ServerFailed(f"{url} did not answer in time") from error
        except aiohttp.ClientPayloadError as error:
            raise ServerFailed(f"{url}: the connection was lost in the middle of the answer") from error
        except aiohttp.ClientError as error:
            raise ServerFailed(f"{url}: {reason(error)}") from error

    async def probe(self) -> bool:
        """Whether the server answers at all."""
        if self.http is None:
            return False
        try:
            timeout = aiohttp.ClientTimeout(total=PROBE_TIMEOUT_S)
            async with self.http.get(f"{self._base_url}/models", timeout=timeout) as response:
                return response.status == 200 or response.status in NO_ROUTE
        except (aiohttp.ClientError, TimeoutError):
            return False

    async def _listens(self) -> bool:
        """Whether anything is there that takes connections; a busy server is."""
        try:
            async with self._running.get(f"{self._base_url}/models", timeout=_SOON):
                return True
        except aiohttp.ClientConnectorError:
            return False
        except (aiohttp.ClientError, TimeoutError):
            return True

    async def _post(self, request: SpeechRequest) -> aiohttp.ClientResponse:
        url = f"{self._base_url}{request.path}"
        try:
            return await self._running.post(url, json=request.fields)
        except aiohttp.ServerDisconnectedError:
            # A kept connection that the server gave up at this very moment; nothing has been spoken yet.
            return await self._running.post(url, json=request.fields)

    @property
    def _running(self) -> aiohttp.ClientSession:
        if self.http is None:
            raise EngineError("tts", "the speech engine is not running")
        return self.http


def _has_an_end(response: aiohttp.ClientResponse) -> bool:
    """Whether the answer itself says where it ends, so that the end of the connection is not all there is to tell."""
    return "Content-Length" in response.headers or "chunked" in response.headers.get("Transfer-Encoding", "").lower()


async def _refusal(response: aiohttp.ClientResponse) -> EngineError:
    """What an answer other than speech means: whether asking another server makes sense."""
    said = f"the server answered {response.status}: {await _reason(response)}"
    if response.status == TOO_MANY_REQUESTS:
        return ServerFailed(said, _seconds(response.headers.get("Retry-After", "")))
    if response.status == NOT_FOUND:
        return ServerLacks(said)
    return EngineError("tts", said) if response.status in ABOUT_THE_REQUEST else ServerFailed(said)


async def _reason(response: aiohttp.ClientResponse) -> str:
    """What an error response says, in OpenAI's shape or any other, kept short."""
    try:
        data = await response.content.readexactly(REASON_BYTES)
    except asyncio.IncompleteReadError as all_of_it:
        data = all_of_it.partial
    text = data.decode(errors="replace")[:500]
    try:
        return str(json.loads(text)["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return text or str(response.reason)


def _seconds(retry_after: str) -> float:
    """Of the header `Retry-After`; a date is not understood."""
    return float(retry_after) if retry_after.isdecimal() else 0.0


def _without_key(url: str) -> str:
    """An address without the name and password that may be in it."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
