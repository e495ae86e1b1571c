"""The language model of Step-Audio 2 on its server, through OpenAI's client: messages in, words and speech codes out.

Closing a stream closes its HTTP response, by which the server learns that it can stop.
"""

from __future__ import annotations

import re
from contextlib import asynccontextmanager
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, Self, cast

import httpx2
import openai
from openai import AsyncOpenAI, AsyncStream, DefaultAioHttpClient

from boson_multimodal.parser import AudioTokenParser
from boson_multimodal.speech_chunks import ChunkReader
from boson_multimodal.speech_prompts import render_prompt

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping, Sequence
    from types import TracebackType

    from boson_multimodal.speech_chunks import LLMEvent

CONNECT_TIMEOUT_S = 5.0
SILENCE_TIMEOUT_S = 60.0
"""A server that sends nothing for this long has failed."""

DEFAULT_OPTIONS: Mapping[str, Any] = MappingProxyType(
    {
        "temperature": 0.7,
        "top_p": 0.9,
        "repetition_penalty": 1.05,
        "frequency_penalty": 0,
        "parallel_tool_calls": False,
        "max_tokens": 4096,
    }
)
"""The settings the model's authors use for speech. 4096 tokens are 131 s of it."""

_SPACES = "spaces_between_special_tokens"
_ABOUT_KEYS = re.compile(
    rf"{_SPACES}|unknown|unexpected|unrecogni[sz]ed|unsupported|not permitted|extra", re.IGNORECASE
)
_OWN = frozenset(
    {"messages", "prompt", "stream", "stream_options", "continue_final_message", "add_generation_prompt"}
    | {"skip_special_tokens", _SPACES, "n", "modalities", "audio"}
)
"""Fields of a request that are not the caller's."""

_ONLY_CHAT = ("tools", "tool_choice", "parallel_tool_calls", "continue_final_message", "add_generation_prompt")


class SpeechLLMError(RuntimeError):
    """The server refused, failed or broke off. `status` is its HTTP status, None where there was no answer."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class SpeechLLM:
    """One server and model. One HTTP client serves all answers; close it, or use the object as a context.

    `api="completions"` sends the prompt rendered here to `/v1/completions`, for a server with another model's chat
    template; it takes no recordings and tells no tool calls apart. `timeout_s` bounds the silence between two pieces.
    `retries` is how often a request is repeated that found no server or a busy one.
    """

    def __init__(
        self,
        base_url: str,
        *,
        api_key: str | None = None,
        model: str = "step-audio-2-mini",
        api: Literal["chat", "completions"] = "chat",
        timeout_s: float = SILENCE_TIMEOUT_S,
        retries: int = 1,
    ) -> None:
        self.model = model
        self._api = api
        self._client = AsyncOpenAI(
            base_url=base_url,
            # Local servers take any key, and the client insists on one.
            api_key=api_key or "none",
            timeout=openai.Timeout(timeout_s, connect=CONNECT_TIMEOUT_S),
            max_retries=retries,
            http_client=DefaultAioHttpClient(limits=httpx2.Limits(max_connections=1000)),
        )
        self._url = f"{self._client.base_url}{'chat/completions' if api == 'chat' else 'completions'}"
        self._takes_spaces = True

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def stream(
        self, messages: Sequence[Mapping[str, Any]], *, speech: bool, options: Mapping[str, Any] | None = None
    ) -> AsyncGenerator[LLMEvent]:
        """The answer to what `chat_messages` returned, as it is written; an `LLMFinish` comes last.

        `speech` as given to `chat_messages`. `options` are fields of the request (`model`, `max_tokens` or
        `max_completion_tokens`, `stop`, `seed`, `tools`, `tool_choice`, ...) in place of `DEFAULT_OPTIONS`; None leaves
        one out, and those that make the answer what is read here are not the caller's. Raises `SpeechLLMError`, also
        when every code that was written is none of the codebook.
        """
        body = self._body(messages, speech, options or {})
        reader = ChunkReader(AudioTokenParser(in_speech=speech), tools=bool((options or {}).get("tools")))
        async with self._errors(), await self._open(body) as chunks:
            async for chunk in chunks:
                for event in reader.read(chunk):
                    yield event
            for event in reader.finish():
                yield event

    def _body(self, messages: Sequence[Mapping[str, Any]], speech: bool, options: Mapping[str, Any]) -> dict[str, Any]:
        wanted = {**DEFAULT_OPTIONS, **{name: value for name, value in options.items() if name not in _OWN}}
        if (most := wanted.pop("max_completion_tokens", None)) is not None:
            wanted["max_tokens"] = most
        body: dict[str, Any] = {
            "model": self.model,
            **{name: value for name, value in wanted.items() if value is not None},
            "messages": list(messages),
            "continue_final_message": speech,
            "add_generation_prompt": not speech,
            "skip_special_tokens": False,
            _SPACES: False,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        if self._api == "completions":
            body["prompt"] = render_prompt(body.pop("messages"), body.get("tools"))
            for name in _ONLY_CHAT:
                body.pop(name, None)
        return body

    async def _open(self, body: dict[str, Any]) -> AsyncStream[object]:
        """The answer's chunks, without the field about spaces where the server does not know it."""
        plain = {name: value for name, value in body.items() if name != _SPACES}
        if not self._takes_spaces:
            return await self._post(plain)
        try:
            return await self._post(body)
        except (openai.BadRequestError, openai.UnprocessableEntityError) as error:
            if not _ABOUT_KEYS.search(error.message):
                raise
        chunks = await self._post(plain)
        self._takes_spaces = False
        return chunks

    async def _post(self, body: dict[str, Any]) -> AsyncStream[object]:
        # The typed method builds a model of every chunk, and the fields read here are not in it.
        return await self._client.post(
            self._url, body=body, cast_to=object, stream=True, stream_cls=AsyncStream[object]
        )

    @asynccontextmanager
    async def _errors(self) -> AsyncGenerator[None]:
        """Turn whatever the client raises into a `SpeechLLMError`."""
        place = self._client.base_url
        try:
            yield
        except openai.APIStatusError as error:
            status = error.status_code
            raise SpeechLLMError(f"the speech model's server answered {status}: {_said(error)}", status) from error
        except (TimeoutError, openai.APITimeoutError, httpx2.TimeoutException) as error:
            # A refused connection is a timeout to the HTTP library, too.
            if isinstance(error.__cause__ or error, httpx2.ConnectTimeout):
                raise SpeechLLMError(f"nothing answers at {place}; is the server running?") from error
            raise SpeechLLMError(f"{place} did not answer in time; is the model loaded?") from error
        except (openai.APIConnectionError, httpx2.HTTPError, httpx2.StreamError) as error:
            # In the middle of a body the client lets some of the HTTP library's own errors through.
            cause = error.__cause__ or error
            raise SpeechLLMError(f"the connection to {place} failed: {cause or type(cause).__name__}") from error
        except openai.APIError as error:
            raise SpeechLLMError(f"the speech model's server failed: {error.message}") from error
        except (openai.OpenAIError, ValueError) as error:
            raise SpeechLLMError(f"{place}: {error}") from error


def _said(error: openai.APIStatusError) -> str:
    """The server's own words for its refusal."""
    body: object = error.body
    message: object = cast("dict[str, object]", body).get("message") if isinstance(body, dict) else None
    return message if isinstance(message, str) else error.message
