"""A server that speaks the native protocol by a script: tones instead of voices, no engines, no pacing."""

from __future__ import annotations

import asyncio
import json
import struct
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

import numpy as np
from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed

from backend.audio import from_float
from backend.client.latency import STAGES

RATE_HZ = 24_000
FRAME_SAMPLES = 1200
ENGINES = {
    "stt": {"name": "tones", "stand_in": True, "ready": True},
    "llm": {"name": "script", "stand_in": False, "ready": True},
    "tts": {"name": "tones", "stand_in": True, "ready": True},
}
CAST = [{"id": "mara", "name": "Mara", "voice": ""}, {"id": "theo", "name": "Theo", "voice": ""}]
LOUD = 3000
QUIET_FRAMES = 5
"""Quiet microphone frames after speech that end it."""

TICK = 1 / (1 << 20)


def tone(seconds: float, rate_hz: int = RATE_HZ) -> bytes:
    """A sine of 440 Hz at half of full scale."""
    times = np.arange(int(seconds * rate_hz)) / rate_hz
    return from_float((0.5 * np.sin(2 * np.pi * 440 * times)).astype(np.float32))


def frame(turn: int, reply: int, first_sample: int, pcm: bytes, flags: int = 0) -> bytes:
    """One binary audio frame."""
    return struct.pack("<BBHHHII", 1, flags, reply, 0, 0, turn, first_sample) + pcm


def ledger_entry(reply: int = 0, scale: int = 1, **changes) -> dict:
    """A ledger whose stages take 10, 20, 30 ... thousand ticks, times `scale`."""
    marks = dict(zip(STAGES, np.cumsum([10_000 * scale * (i + 1) for i in range(len(STAGES))]) * TICK, strict=True))
    entry = {"reply": reply, **{k: float(v) for k, v in marks.items()}, "saved_by_speculation": 0.0, "audio_s": 0.1}
    return entry | {"rtf": 0.1, "llm_tokens": 5, "sentences": 1, "underruns": 0, "cancelled_after_s": None} | changes


@dataclass
class Script:
    """What the server does."""

    replies: tuple[tuple[str, str], ...] = (("Mara", "Good evening."),)
    """(character name, text) of each turn's replies."""
    tone_s: float = 0.1
    holds_turn: bool = False
    """Each turn goes on until it is interrupted."""
    fails: bool = False
    refuses: bool = False
    output_rate: int = 16_000
    """Until it is configured."""
    transcript: str = "hello there"
    api_key: str | None = None
    ledger: dict = field(default_factory=dict)
    waits_for_listener: bool = True
    closes_in_turn: bool = False


@dataclass
class ScriptedServer:
    """`received`: every message of every client, in order."""

    script: Script
    url: str = ""
    received: list = field(default_factory=list)
    arrived: asyncio.Condition = field(default_factory=asyncio.Condition)

    def of(self, kind: str) -> list[dict]:
        return [m for m in self.received if isinstance(m, dict) and m["type"] == kind]

    async def until(self, kind: str, count: int = 1) -> dict:
        """Wait for the `count`-th message of a kind."""
        async with self.arrived:
            await self.arrived.wait_for(lambda: len(self.of(kind)) >= count)
        return self.of(kind)[count - 1]

    async def heard(self, turn: int) -> None:
        """Wait until the client has heard something of a turn."""
        async with self.arrived:
            await self.arrived.wait_for(lambda: any(m["turn"] == turn for m in self.of("playback.position")))

    async def handle(self, socket) -> None:
        key = parse_qs(urlsplit(socket.request.path).query).get("api_key", [None])[0]
        if self.script.api_key is not None and key != self.script.api_key:
            await socket.close(4401, "the API key is wrong")
            return
        session = _Session(self, socket)
        try:
            await session.run()
        except ConnectionClosed:
            pass
        finally:
            await session.stop()


class _Session:
    def __init__(self, server: ScriptedServer, socket) -> None:
        self.server, self.script, self.socket = server, server.script, socket
        self.turns = 0
        self.task: asyncio.Task | None = None
        self.rate_hz = self.script.output_rate
        self.heard: dict[tuple[int, int], int] = {}
        self.moved = asyncio.Event()
        self.loud = self.quiet = 0

    async def send(self, **event) -> None:
        await self.socket.send(json.dumps({"at": 0.0, **event}))

    async def ready(self) -> None:
        await self.send(
            type="session.ready",
            protocol=1,
            session="sess_1",
            output_rate=self.rate_hz,
            engines=ENGINES,
            characters=CAST,
        )

    async def run(self) -> None:
        await self.ready()
        async for data in self.socket:
            message = data if isinstance(data, bytes) else json.loads(data)
            async with self.server.arrived:
                self.server.received.append(message)
                self.server.arrived.notify_all()
            if isinstance(message, bytes):
                await self.hear(message)
            else:
                await self.obey(message)

    async def obey(self, message: dict) -> None:
        match message["type"]:
            case "session.configure" | "user.text" if self.script.refuses:
                await self.send(type="error", code="invalid_request", message="this cannot be")
            case "session.configure":
                self.rate_hz = message.get("output_rate", self.rate_hz)
                await self.ready()
            case "user.text":
                await self.answer(message["text"], "text")
            case "interrupt":
                await self.stop()
            case "playback.position":
                self.heard[message["turn"], message["reply"]] = message["samples"]
                self.moved.set()

    async def hear(self, pcm: bytes) -> None:
        if np.abs(np.frombuffer(pcm, "<i2")).max() > LOUD:
            self.loud, self.quiet = self.loud + 1, 0
            if self.loud == 1:
                await self.send(type="speech.started", audio_ms=0)
                await self.send(type="transcript.partial", text=self.script.transcript[:5])
        elif self.loud:
            self.quiet += 1
            if self.quiet == QUIET_FRAMES:
                self.loud = 0
                await self.send(type="speech.stopped", audio_ms=100)
                await self.send(type="transcript.final", text=self.script.transcript)
                if self.script.transcript:
                    await self.answer(self.script.transcript, "speech")

    async def answer(self, text: str, source: str) -> None:
        await self.stop()
        self.turns += 1
        characters = [name.lower() for name, _ in self.script.replies]
        await self.send(type="turn.started", turn=self.turns, text=text, source=source, characters=characters)
        self.task = asyncio.create_task(self.turn(self.turns))

    async def stop(self) -> None:
        task, self.task = self.task, None
        if task is not None:
            task.cancel()
            await asyncio.wait((task,))

    async def turn(self, number: int) -> None:
        outcome = "interrupted"
        try:
            for reply, (name, text) in enumerate(self.script.replies):
                await self.reply(number, reply, name, text)
            if self.script.closes_in_turn:
                await self.socket.close(1011, "the session failed")
                return
            if self.script.holds_turn:
                await asyncio.Event().wait()
            outcome = "failed" if self.script.fails else "completed"
            if self.script.fails:
                await self.send(type="error", code="llm_error", message="the language model is gone", turn=number)
        finally:
            replies = range(len(self.script.replies))
            for reply in replies:
                text = self.script.replies[reply][1]
                await self.send(
                    type="reply.done",
                    turn=number,
                    reply=reply,
                    message_id="",
                    outcome=outcome,
                    text=text,
                    heard_text=text,
                )
            ledger = [ledger_entry(reply, number, **self.script.ledger) for reply in replies]
            await self.send(type="turn.done", turn=number, outcome=outcome, ledger=ledger)

    async def reply(self, turn: int, reply: int, name: str, text: str) -> None:
        await self.send(
            type="reply.started", turn=turn, reply=reply, message_id="", character_id=name.lower(), character_name=name
        )
        for word in text.split(" "):
            await self.send(type="reply.text", turn=turn, reply=reply, delta=f"{word} ")
        pcm = tone(self.script.tone_s, self.rate_hz)
        samples = len(pcm) // 2
        for first in range(0, samples, FRAME_SAMPLES):
            last = 2 * (first + FRAME_SAMPLES >= samples)
            await self.socket.send(frame(turn, reply, first, pcm[2 * first : 2 * (first + FRAME_SAMPLES)], last))
        while self.script.waits_for_listener and self.heard.get((turn, reply), 0) < samples:
            self.moved.clear()
            await self.moved.wait()


@asynccontextmanager
async def scripted_server(script: Script | None = None):
    """A running server; `script` defaults to one friendly reply to everything."""
    server = ScriptedServer(script or Script())
    async with serve(server.handle, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        server.url = f"ws://127.0.0.1:{port}/ws"
        yield server
