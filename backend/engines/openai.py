"""Engines behind any OpenAI-compatible server, through the official client: chat and transcription.

One HTTP client per engine serves all sessions. Closing a stream closes its HTTP response, which is how servers learn
that they can stop.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Self, cast

import httpx2
import openai
from openai import AsyncOpenAI, AsyncStream, DefaultAioHttpClient

from backend.audio import SAMPLE_BYTES, wav_bytes
from backend.engines.chat_chunks import ChunkReader
from backend.engines.interfaces import HEARING_RATE_HZ, NO_HINTS
from backend.engines.remote import ABOUT_THE_REQUEST, CONNECT_TIMEOUT_S, KEEP_ALIVE_S, SILENCE_TIMEOUT_S, reason
from backend.engines.rereading import reread
from backend.errors import EngineError, RequestRefused

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
    from types import TracebackType

    from backend.engines.interfaces import Generation, Hints, Message, Pause, Transcript, Written


WHOLE_TIMEOUT_S = 600.0
"""An answer that is not streamed is silent until all of it is written."""


class _OpenAIEngine:
    """What both have in common."""

    name = "openai"
    stand_in = False
    stage = ""

    def __init__(self, *, base_url: str | None, api_key: str | None, model: str) -> None:
        self._model = model
        self._client = AsyncOpenAI(
            base_url=base_url,
            # Local servers take any key, and the client insists on one.
            api_key=api_key or "none",
            timeout=openai.Timeout(SILENCE_TIMEOUT_S, connect=CONNECT_TIMEOUT_S),
            max_retries=1,
            # Half the CPU time per request and a third per streamed chunk of the client's default transport.
            http_client=DefaultAioHttpClient(limits=httpx2.Limits(max_connections=1000, keepalive_expiry=KEEP_ALIVE_S)),
        )
        self._entered = False

    @property
    def ready(self) -> bool:
        return self._entered

    @property
    def detail(self) -> str:
        return f"{self._model} at {self._client.base_url}"

    async def __aenter__(self) -> Self:
        self._entered = True
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._entered = False
        await self._client.close()

    @asynccontextmanager
    async def _errors(self) -> AsyncGenerator[None]:
        """Turn whatever the client raises into an `EngineError` of this stage."""
        try:
            yield
        except openai.APIStatusError as error:
            raise self._refusal(error) from error
        except (openai.APIConnectionError, httpx2.HTTPError, httpx2.StreamError) as error:
            # In the middle of a body the client lets some of the HTTP library's own errors through.
            raise EngineError(self.stage, f"{self._client.base_url}: {_reason(error)}") from error
        except openai.APIError as error:
            raise EngineError(self.stage, f"{self._client.base_url}: {error.message}") from error
        except openai.OpenAIError as error:
            raise EngineError(self.stage, str(error)) from error
        except ValueError as error:
            raise EngineError(self.stage, f"{self._client.base_url}: {error}") from error

    def _refusal(self, error: openai.APIStatusError) -> EngineError:
        return EngineError(self.stage, f"the server answered {error.status_code}: {error.message}")


def _reason(error: BaseException) -> str:
    causes: BaseException | None = error
    while causes is not None:
        if isinstance(causes, httpx2.ReadError):
            return "the connection was lost in the middle of the answer"
        causes = causes.__cause__
    return reason(error)


class OpenAILanguageModel(_OpenAIEngine):
    """`POST /chat/completions`, streamed."""

    stage = "llm"

    def __init__(self, *, base_url: str | None, api_key: str | None, model: str) -> None:
        super().__init__(base_url=base_url, api_key=api_key, model=model)
        self._url = f"{self._client.base_url}chat/completions"
        self._without_stop: set[str] = set()
        """Models that have refused stop sequences."""

    async def stream(self, messages: Sequence[Message], generation: Generation) -> AsyncGenerator[Written]:
        """See `LanguageModel.stream`. Generation settings left `None` are not sent at all."""
        options = {
            "temperature": generation.temperature,
            "top_p": generation.top_p,
            "max_tokens": generation.max_tokens,
        }
        body = {
            **generation.extra,
            **{name: value for name, value in options.items() if value is not None},
            "model": generation.model or self._model,
            "messages": list(messages),
            "stream": True,
        }
        async with self._errors(), await self._stopping(body, generation.stop) as chunks:
            reader = ChunkReader()
            async for chunk in chunks:
                for piece in reader.read(chunk):
                    yield piece
            if reader.finish is not None:
                yield reader.finish

    async def relay(self, body: Mapping[str, Any]) -> AsyncGenerator[Mapping[str, Any]]:
        """See `Relay.relay`."""
        request = {"model": self._model, **body}
        async with self._errors():
            if not request.get("stream"):
                timeout = openai.Timeout(WHOLE_TIMEOUT_S, connect=CONNECT_TIMEOUT_S)
                yield _object(
                    await self._client.post(self._url, body=request, cast_to=object, options={"timeout": timeout})
                )
                return
            async with await self._chunks(request) as chunks:
                async for chunk in chunks:
                    yield _object(chunk)

    async def _stopping(self, body: dict[str, Any], stop: Sequence[str]) -> AsyncStream[object]:
        """The answer that ends at any of `stop`, unless the model does not take that or `body` says otherwise."""
        if not stop or "stop" in body or body["model"] in self._without_stop:
            return await self._chunks(body)
        try:
            return await self._chunks({**body, "stop": list(stop)})
        except (openai.BadRequestError, openai.UnprocessableEntityError) as error:
            if "stop" not in error.message.casefold():
                raise
        chunks = await self._chunks(body)
        self._without_stop.add(body["model"])
        return chunks

    async def _chunks(self, body: Mapping[str, Any]) -> AsyncStream[object]:
        # The typed method builds a model of every chunk, which costs more than everything else done with it.
        return await self._client.post(
            self._url, body=body, cast_to=object, stream=True, stream_cls=AsyncStream[object]
        )

    def _refusal(self, error: openai.APIStatusError) -> EngineError:
        if error.status_code not in ABOUT_THE_REQUEST:
            return super()._refusal(error)
        details = cast("dict[str, object]", error.body) if isinstance(error.body, dict) else {}
        message, reason, param = (details.get(name) for name in ("message", "code", "param"))
        return RequestRefused(
            self.stage,
            error.status_code,
            message if isinstance(message, str) else error.message,
            reason if isinstance(reason, str) else "invalid_request",
            param if isinstance(param, str) else None,
        )


def _object(answer: object) -> Mapping[str, Any]:
    """Raises `ValueError` for what is no JSON object."""
    if not isinstance(answer, dict):
        raise ValueError("the answer is no chat completion")
    return cast("dict[str, Any]", answer)


class OpenAISpeechToText(_OpenAIEngine):
    """`POST /audio/transcriptions` with the whole utterance as WAV; such servers give no partial transcripts."""

    stage = "stt"
    shows_words = False

    async def loaded(self) -> None:
        """See `SpeechToText.loaded`; there is nothing to load."""

    def stream(self, audio: AsyncIterator[bytes | Pause], hints: Hints = NO_HINTS) -> AsyncGenerator[Transcript]:
        """See `SpeechToText.stream`."""
        return reread(audio, partial(self._transcribe, hints))

    async def _transcribe(self, hints: Hints, utterance: bytes) -> str:
        if len(utterance) < HEARING_RATE_HZ * SAMPLE_BYTES // 10:
            return ""  # servers refuse files shorter than 0.1 s
        async with self._errors():
            answer = await self._client.audio.transcriptions.create(
                model=self._model,
                file=("speech.wav", wav_bytes(utterance, HEARING_RATE_HZ), "audio/wav"),
                response_format="json",
                language=hints.language or openai.omit,
                prompt=", ".join(hints.words) or openai.omit,
            )
        return answer.text
