"""`WS /v1/realtime`: carries OpenAI's Realtime protocol between a socket and a session."""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from typing import TYPE_CHECKING

from fastapi import APIRouter, WebSocket, WebSocketDisconnect

from backend import commands, events
from backend.audio import SAMPLE_BYTES
from backend.cast import deal_voices
from backend.cast_models import WHOLE_CAST
from backend.engines.interfaces import HEARING_RATE_HZ, Hints
from backend.errors import EngineError, InvalidRequest, VoiceChatError
from backend.lines import PersonLine, new_id
from backend.outbox import Outbox
from backend.pipelines.transcription import transcribe
from backend.protocols.realtime.config import Scene
from backend.protocols.realtime.connection import Connection
from backend.protocols.realtime.incoming import Incoming, Step, Understand
from backend.protocols.realtime.outgoing import Outgoing
from backend.protocols.realtime.requests import read_object
from backend.protocols.realtime.wire import Wire, error
from backend.recorder import Recorder
from backend.routes.auth import presented_key
from backend.routes.errors import error_response, status_of
from backend.routes.session_socket import CLOSE_ELSEWHERE, live
from backend.session import Session

if TYPE_CHECKING:
    from backend.server import Server

router = APIRouter()

PROTOCOL = "realtime"
KEY_PREFIX = "openai-insecure-api-key."
"""Browsers cannot set headers: they bring the key as a subprotocol of this name."""

PERSON = "person"

SLICE_BYTES = HEARING_RATE_HZ // 10 * SAMPLE_BYTES
"""Audio heard before others get their turn on the event loop (100 ms)."""


@router.websocket("/v1/realtime")
async def realtime(websocket: WebSocket) -> None:
    """One session for as long as the socket lives."""
    server: Server = websocket.app.state.server
    offered: list[str] = websocket.scope.get("subprotocols") or []
    query = websocket.query_params
    try:
        server.check_origin(websocket.headers.get("origin"), websocket.headers.get("host"))
        server.authorize(_key(websocket, offered))
        connection = Connection(
            session=new_id("sess"),
            model=query.get("model") or WHOLE_CAST,
            scene=Scene(deal_voices(server.defaults.cast, server.engines.tts.voices), server.defaults.turn.language),
            intent="transcription" if query.get("intent") == "transcription" else "realtime",
            extensions=query.get("extensions") == "1",
        )
        with server.admitted(), server.live.elsewhere(connection.conversation):
            await websocket.accept(PROTOCOL if PROTOCOL in offered else None)
            await _Carrier(websocket, server, connection).carry()
    except VoiceChatError as problem:
        # Only before the socket is accepted: HTTP still tells what is wrong.
        refusal = error_response(status_of(problem), str(problem), problem.code, problem.param)
        await websocket.send_denial_response(refusal)


def _key(websocket: WebSocket, offered: list[str]) -> str | None:
    by_protocol = (name.removeprefix(KEY_PREFIX) for name in offered if name.startswith(KEY_PREFIX))
    return next(by_protocol, None) or presented_key(websocket)


class _Carrier:
    """Carries one connection."""

    def __init__(self, websocket: WebSocket, server: Server, connection: Connection) -> None:
        self._websocket = websocket
        self._engines = server.engines
        self._connection = connection
        self._incoming, self._outgoing = Incoming(connection), Outgoing(connection)
        self._outbox: Outbox[events.Event | Wire] = Outbox(self._send, time.monotonic)
        settings = server.defaults.changed(connection.config.configure(), server.engines.tts.voices)
        self._session = Session(server.engines, settings.unpaced, self._tell, server.metrics)
        self._session.conversation.id = connection.conversation
        self._lost = asyncio.Event()
        """The conversation goes on in another session, or was deleted."""
        self._recorder = Recorder(server.store, self._session, self._lost.set)
        self._farewell: Wire | None = None
        self._parted = asyncio.Event()
        self._unsent: deque[str] = deque()
        self._speaking: set[int | str] = set()
        """The person, and the turns that can be heard or are being prepared, by their numbers."""
        self._stirred = asyncio.Event()
        """Something happened that the silence is counted from, or that changes how long it may be."""

    async def carry(self) -> None:
        """Until the client leaves."""
        carriers = (self._read(), self._outbox.run(), self._wait_in_silence(), self._recorder.run(), self._until_lost())
        try:
            await live(self._websocket, self._session, *carriers)
        finally:
            await self._recorder.finish()

    async def _tell(self, event: events.Event) -> None:
        await self._outbox.put(event, self._recorder.note(event))

    async def _send(self, told: events.Event | Wire, _at: float) -> None:
        """Whoever is cancelled in here leaves nothing half told: the next to send sends the rest first."""
        self._follow(told)
        wires = [told] if isinstance(told, dict) else self._outgoing.tell(told)
        self._unsent.extend(json.dumps(wire, ensure_ascii=False, separators=(",", ":")) for wire in wires)
        try:
            while self._unsent:
                await self._websocket.send_text(self._unsent[0])
                self._unsent.popleft()
        except (WebSocketDisconnect, RuntimeError):
            self._unsent.clear()  # the socket is gone; the reader learns it too and ends the session
        if told is self._farewell:
            self._parted.set()

    async def _until_lost(self) -> None:
        """Nothing would be kept of what follows, so the client is told and the session ends."""
        await self._lost.wait()
        reason = "the conversation was deleted, or goes on in another session"
        self._farewell = error(reason, "conflict")
        await self._outbox.put(self._farewell)
        await self._parted.wait()
        await self._websocket.close(CLOSE_ELSEWHERE, reason)

    async def _read(self) -> None:
        """Pass on what the client sends until it leaves."""
        while True:
            message = await self._websocket.receive()
            if message["type"] == "websocket.disconnect":
                return
            try:
                given = read_object(message["text"] if message.get("text") is not None else message["bytes"])
            except InvalidRequest as problem:
                await self._outbox.put(error(str(problem), problem.code))
                continue
            for step in self._incoming.receive(given):
                await self._do(step)

    async def _do(self, step: Step) -> None:
        match step:
            case dict():
                await self._outbox.put(step)
            case Understand(pcm, add):
                await self._understand(pcm, add)
            case commands.Microphone(pcm):
                for start in range(0, len(pcm), SLICE_BYTES):
                    await self._session.receive(commands.Microphone(pcm[start : start + SLICE_BYTES]))
                    await asyncio.sleep(0)
            case _:
                await self._session.receive(step)

    async def _understand(self, pcm: bytes, add: commands.AddLine) -> None:
        """Add what the person says in a recording. What cannot be recognised is not added."""
        assert isinstance(add.line, PersonLine)
        hints = Hints(language=self._connection.config.language or None)
        found = transcribe(pcm, self._engines.stt, self._engines.vad.open(), hints)
        try:
            said = [segment.text async for segment in found]
        except EngineError as problem:
            await self._outbox.put(error(str(problem), problem.code, "item", add.request, ours=True))
            return
        add.line.text = " ".join(part for part in (add.line.text, *said) if part)
        add.line.spoken = True
        await self._session.receive(add)

    # --- silence ------------------------------------------------------------------------------------------------------

    def _follow(self, told: events.Event | Wire) -> None:
        match told:
            case events.SpeechStarted():
                self._speaking.add(PERSON)
            case events.SpeechStopped():
                self._speaking.discard(PERSON)
            case events.TurnStarted(turn):
                self._speaking.add(turn)
            case events.TurnDone(turn):
                self._speaking.discard(turn)
            case events.SessionReady():
                pass
            case _:
                return
        self._stirred.set()

    async def _wait_in_silence(self) -> None:
        """Have a character speak when nobody has for as long as the client wants to wait."""
        while True:
            self._stirred.clear()
            idle_ms = None if self._speaking else self._connection.config.idle_ms
            try:
                async with asyncio.timeout(idle_ms / 1000 if idle_ms else None):
                    await self._stirred.wait()
            except TimeoutError:
                await self._speak_into_silence()
                await self._stirred.wait()

    async def _speak_into_silence(self) -> None:
        line = new_id()
        for wire in self._outgoing.timed_out(line):
            await self._outbox.put(wire)
        await self._session.receive(commands.AddLine(PersonLine("", id=line, spoken=True)))
        await self._session.receive(commands.Respond(new_id("request")))
