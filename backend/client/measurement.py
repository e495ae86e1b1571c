"""Drives sessions with a running server and records every turn, by the server's ledger and from outside."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from backend.client.concurrency import beside
from backend.client.connection import (
    AudioFrame,
    Connection,
    ConnectionFailed,
    connect,
    playback_position,
    user_text,
)
from backend.client.exchange import Exchange
from backend.client.latency import TTFA, TurnRecord, ledger_errors
from backend.client.microphone import SimulatedMicrophone, is_audible
from backend.client.player import Player

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Line:
    """Something to say: a typed line, or a recording (PCM at 16 kHz) and its name."""

    text: str
    speech: bytes | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What every session does: `turns` lines in order, again from the first where they run out."""

    url: str
    lines: tuple[Line, ...]
    turns: int
    sessions: int = 1
    api_key: str | None = None
    period_s: float = 0.0
    """Between the beginnings of turns, unless a turn takes longer. The sessions begin spread over one period."""
    positions: bool = True
    """Whether the listener reports its playback position."""


async def measure(plan: Plan) -> tuple[list[TurnRecord], Mapping[str, Any]]:
    """Every turn of every session, and the engines that served. A connection that fails, fails the turns left."""
    sessions = [_Session(plan, index) for index in range(plan.sessions)]
    await asyncio.gather(*(session.run() for session in sessions))
    engines = [session.engines for session in sessions if session.engines]
    return [record for session in sessions for record in session.records], engines[0] if engines else {}


class _Session:
    """One session of a plan. `records`: one per turn, filled as they are measured."""

    def __init__(self, plan: Plan, index: int) -> None:
        self._plan = plan
        self._starts_after_s = plan.period_s * index / plan.sessions
        self._lines = [plan.lines[turn % len(plan.lines)] for turn in range(plan.turns)]
        self.records = [TurnRecord(index + 1, turn, line.text) for turn, line in enumerate(self._lines, 1)]
        self.engines: dict[str, Any] = {}

    async def run(self) -> None:
        """Measure every turn."""
        await asyncio.sleep(self._starts_after_s)
        try:
            async with connect(self._plan.url, self._plan.api_key) as connection:
                self.engines = connection.ready["engines"]
                await self._measure_turns(connection)
        except ConnectionFailed as error:
            for record in self.records:
                if record.outcome is None:
                    record.outcome, record.problem = "failed", str(error)

    async def _measure_turns(self, connection: Connection) -> None:
        async def report(turn: int, reply: int, samples: int) -> None:
            await connection.send(playback_position(turn, reply, samples))

        player = Player(connection.ready["output_rate"], report)
        microphone = SimulatedMicrophone(connection.send)
        due = time.monotonic()
        async with AsyncExitStack() as running:
            if self._plan.positions:
                await running.enter_async_context(beside(player.run()))
            if any(line.speech is not None for line in self._lines):
                await running.enter_async_context(beside(microphone.run()))
            for line, record in zip(self._lines, self.records, strict=True):
                await asyncio.sleep(due - time.monotonic())
                due = max(due, time.monotonic()) + self._plan.period_s
                await _Measurement(connection, player, record).run(line, microphone)


class _Measurement:
    """Measures one turn into `record`."""

    def __init__(self, connection: Connection, player: Player, record: TurnRecord) -> None:
        self._connection = connection
        self._player = player
        self._record = record
        self._exchange = Exchange()
        self._turn = 0
        self._audible_at: float | None = None
        self._next_sample: dict[int, int] = {}

    async def run(self, line: Line, microphone: SimulatedMicrophone) -> None:
        """Say the line and take in what comes until it is answered."""
        async with beside(self._read()):
            if line.speech is None:
                input_ended_at = time.monotonic()
                await self._connection.send(user_text(line.text))
            else:
                input_ended_at = await microphone.speak(line.speech)
            self._exchange.said()
            await self._exchange.end()
        self._conclude(input_ended_at)

    async def _read(self) -> None:
        async for message in self._connection:
            if isinstance(message, AudioFrame):
                self._listen(message)
                self._exchange.audio_received()
            else:
                self._exchange.take(message)
        raise ConnectionFailed("the server closed the connection")

    def _listen(self, frame: AudioFrame) -> None:
        arrived_at, record = time.monotonic(), self._record
        if frame.turn != self._turn:
            self._turn, self._audible_at, self._next_sample = frame.turn, None, {}
            record.audio_frames = record.discontinuities = 0
        self._player.feed(frame)
        record.audio_frames += 1
        record.discontinuities += frame.first_sample != self._next_sample.get(frame.reply, 0)
        self._next_sample[frame.reply] = frame.first_sample + frame.samples
        if self._audible_at is None and is_audible(frame.pcm):
            self._audible_at = arrived_at

    def _conclude(self, input_ended_at: float) -> None:
        record, exchange = self._record, self._exchange
        record.outcome, record.ledger = exchange.outcome or "failed", exchange.ledger
        record.problem = exchange.failure
        record.sum_errors = [f"reply {entry['reply']}: {e}" for entry in record.ledger for e in ledger_errors(entry)]
        if self._turn != exchange.turn:
            self._audible_at = None
        else:
            record.underruns, record.gaps_s = self._player.underruns, list(self._player.gaps_s)
        if self._audible_at is not None:
            record.heard_ttfa_s = self._audible_at - input_ended_at
        if record.problem is None and (record.heard_ttfa_s is None or record.ttfa_s is None):
            record.problem = f"the answer had no audible audio, or no {TTFA} in its ledger"
