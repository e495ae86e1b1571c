"""The native protocol from the client's side: commands out, events and audio frames in. See docs/protocol.md.

Knows nothing of loudspeakers, microphones or what the messages are used for.
"""

from __future__ import annotations

import asyncio
import json
import struct
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlencode, urlsplit, urlunsplit

from websockets.asyncio.client import connect as open_socket
from websockets.exceptions import ConnectionClosed, ConnectionClosedOK, InvalidStatus, WebSocketException

from backend.audio import sample_count
from backend.errors import VoiceChatError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from websockets.asyncio.client import ClientConnection

PROTOCOL = 1
DEFAULT_URL = "ws://127.0.0.1:8000/ws"
READY_WITHIN_S = 10
LARGEST_EVENT_BYTES = 1 << 24
"""A ledger or a long cast is far smaller; the bound keeps a wrong server from filling the memory."""

AUDIO_KIND = 1
ENDS_SENTENCE, ENDS_MESSAGE = 1, 2
_HEADER = struct.Struct("<BBHHHII")

Command = dict[str, Any]
Event = dict[str, Any]


class ConnectionFailed(VoiceChatError):
    """The server cannot be reached, refused the session or went away."""

    code = "connection_failed"


class ProtocolViolation(ConnectionFailed):
    """The other side does not speak this protocol."""

    code = "protocol_violation"


@dataclass(frozen=True, slots=True)
class AudioFrame:
    """Audio of one reply. `first_sample` is the index of the first sample within the reply; `pcm` may be empty."""

    turn: int
    reply: int
    sentence: int
    chunk: int
    first_sample: int
    flags: int
    pcm: bytes

    @property
    def samples(self) -> int:
        """Samples in this frame."""
        return sample_count(self.pcm)


def parse_frame(message: bytes) -> AudioFrame:
    """The audio frame in a binary message. Raises `ProtocolViolation` for anything else."""
    if len(message) < _HEADER.size or (len(message) - _HEADER.size) % 2:
        raise ProtocolViolation(f"a binary message of {len(message)} bytes is not an audio frame")
    kind, flags, reply, sentence, chunk, turn, first_sample = _HEADER.unpack_from(message)
    if kind != AUDIO_KIND:
        raise ProtocolViolation(f"a binary message of unknown kind {kind}")
    return AudioFrame(turn, reply, sentence, chunk, first_sample, flags, message[_HEADER.size :])


def parse_event(message: str) -> Event:
    """The event in a text message. Raises `ProtocolViolation` when it is not an object with a `type`."""
    try:
        event = json.loads(message)
    except json.JSONDecodeError as error:
        raise ProtocolViolation(f"a text message is not JSON: {error}") from error
    if not isinstance(event, dict) or not isinstance(event.get("type"), str):  # pyright: ignore[reportUnknownMemberType]
        raise ProtocolViolation("a text message is not an object with a type")
    return event  # pyright: ignore[reportUnknownVariableType]


def session_configure(**settings: object) -> Command:
    """Change the session: any of `characters`, `user_name`, `output_rate`, `llm`, `turn`, `captions`."""
    return {"type": "session.configure", **settings}


def user_text(text: str, to: Sequence[str] = ()) -> Command:
    """Say a line by typing it. `to`: ids of the characters who shall answer; empty lets the server choose."""
    return {"type": "user.text", "text": text} | ({"to": list(to)} if to else {})


def playback_position(turn: int, reply: int, samples: int) -> Command:
    """The listener has heard `samples` of this reply so far."""
    return {"type": "playback.position", "turn": turn, "reply": reply, "samples": samples}


def interrupt() -> Command:
    """Stop the current turn now."""
    return {"type": "interrupt"}


def audio_commit() -> Command:
    """The push-to-talk utterance is over."""
    return {"type": "audio.commit"}


def regenerate() -> Command:
    """Answer the last line again."""
    return {"type": "regenerate"}


def conversation_clear() -> Command:
    """Forget the history."""
    return {"type": "conversation.clear"}


def ping(nonce: str | float) -> Command:
    """Answered by a `pong` with the same nonce."""
    return {"type": "ping", "nonce": nonce}


class Connection:
    """One session. Iterating gives events and audio frames in order, until the server closes normally.

    Frames of turns older than the newest one known are dropped. Every method raises `ConnectionFailed` when the
    connection is lost.
    """

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._newest_turn = 0
        self.ready: Event = {}
        """The latest `session.ready`: the session and the configuration in force."""

    async def send(self, message: Command | bytes) -> None:
        """Send a command, or microphone audio (PCM16LE mono 16 kHz)."""
        try:
            await self._socket.send(message if isinstance(message, bytes) else json.dumps(message))
        except ConnectionClosed as error:
            raise ConnectionFailed(_closing_reason(error)) from error

    async def configure(self, **settings: object) -> None:
        """Change the session before the first turn and wait until the change is in force.

        Raises `ConnectionFailed` with the server's reason when it refuses.
        """
        await self.send(session_configure(**settings))
        await self.wait_until_ready()

    async def wait_until_ready(self) -> None:
        """Return at the next `session.ready`. Raises `ConnectionFailed` when there is an error instead."""
        async for message in self:
            match message:
                case {"type": "session.ready"}:
                    if message.get("protocol") != PROTOCOL:
                        raise ProtocolViolation(f"the server speaks protocol {message.get('protocol')}, not {PROTOCOL}")
                    return
                case {"type": "error"}:
                    raise ConnectionFailed(f"{message.get('code')}: {message.get('message')}")
                case _:
                    pass
        raise ConnectionFailed("the server closed the connection")

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event | AudioFrame:
        while True:
            try:
                data = await self._socket.recv()
            except ConnectionClosedOK:
                raise StopAsyncIteration from None
            except ConnectionClosed as error:
                raise ConnectionFailed(_closing_reason(error)) from error
            message = parse_frame(data) if isinstance(data, bytes) else parse_event(data)
            if self._is_current(message):
                return message

    def _is_current(self, message: Event | AudioFrame) -> bool:
        if isinstance(message, AudioFrame):
            turn, current = message.turn, message.turn >= self._newest_turn
        else:
            turn, current = message.get("turn"), True
            if message["type"] == "session.ready":
                self.ready = message
        if isinstance(turn, int):
            self._newest_turn = max(self._newest_turn, turn)
        return current


@asynccontextmanager
async def connect(url: str, api_key: str | None = None) -> AsyncGenerator[Connection]:
    """An open session at `url` (`ws://` or `wss://`), closed on exit.

    Raises `ConnectionFailed` when the server cannot be reached or does not admit the session.
    """
    try:
        socket = await open_socket(
            _with_key(url, api_key),
            compression=None,  # audio does not compress; deflating it only costs time
            max_size=LARGEST_EVENT_BYTES,
            proxy=None if urlsplit(url).hostname in ("127.0.0.1", "localhost", "::1") else True,
        )
    except InvalidStatus as error:
        raise ConnectionFailed(f"{url} answers with HTTP {error.response.status_code}") from error
    except ConnectionRefusedError as error:
        raise ConnectionFailed(f"cannot connect to {url}: no server listens there; see scripts/serve") from error
    except (OSError, WebSocketException, ValueError) as error:
        raise ConnectionFailed(f"cannot connect to {url}: {str(error) or type(error).__name__}") from error
    try:
        connection = Connection(socket)
        try:
            async with asyncio.timeout(READY_WITHIN_S):
                await connection.wait_until_ready()
        except TimeoutError as error:
            raise ConnectionFailed(f"{url} is not ready within {READY_WITHIN_S} s") from error
        yield connection
    finally:
        await socket.close()


def _with_key(url: str, api_key: str | None) -> str:
    if not api_key:
        return url
    parts = urlsplit(url)
    query = "&".join(part for part in (parts.query, urlencode({"api_key": api_key})) if part)
    return urlunsplit(parts._replace(query=query))


def _closing_reason(error: ConnectionClosed) -> str:
    if error.rcvd is None:
        return "the connection to the server was lost"
    return f"the server closed the connection: {error.rcvd.reason or 'no reason given'} ({error.rcvd.code})"
