"""A conversation in the terminal while it goes on: who is heard, what is said next, what Ctrl-C does."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

from backend.client.concurrency import beside
from backend.client.connection import (
    AudioFrame,
    Connection,
    ConnectionFailed,
    Event,
    interrupt,
    playback_position,
    user_text,
)
from backend.client.devices import Loudspeaker, Microphone, opened
from backend.client.exchange import Exchange
from backend.client.keyboard import ctrl_c_into, stdin_lines
from backend.client.microphone import SimulatedMicrophone
from backend.client.player import PREBUFFER_S, Player
from backend.errors import ConfigurationError, VoiceChatError

if TYPE_CHECKING:
    from backend.client.talk import TalkOptions
    from backend.client.terminal import Terminal

RATE_HZ = 24_000


class Left(VoiceChatError):
    """The person has left with Ctrl-C."""


class Talking:
    """One conversation. `recording` collects the audio heard."""

    def __init__(
        self, connection: Connection, terminal: Terminal, loudspeaker: Loudspeaker | None, recording: bytearray
    ) -> None:
        self._connection = connection
        self._terminal = terminal
        self._loudspeaker = loudspeaker
        prebuffer_s = PREBUFFER_S if loudspeaker is None else loudspeaker.latency_s
        self._player = Player(RATE_HZ, self._report, sink=recording.extend, prebuffer_s=prebuffer_s)
        self._turn = 0
        self._turn_alive = False
        self._exchange: Exchange | None = None
        self._ctrl_c: asyncio.Queue[None] = asyncio.Queue()
        self._to: tuple[str, ...] = ()

    async def run(self, options: TalkOptions, speech: bytes | None) -> int:
        """Say what the options say, or what is typed and spoken; returns the exit status."""
        if options.to is not None:
            self._to = (self._character(options.to),)
            if options.wav is not None or not options.texts:  # speech is addressed to whoever is there
                await self._connection.configure(characters=list(self._to))
        with ctrl_c_into(self._ctrl_c):
            async with beside(self._read(), self._player.run(), self._watch_ctrl_c()):
                if options.scripted:
                    return await self._run_script(options.texts, speech)
                if not sys.stdin.isatty():
                    return await self._run_piped()
                return await self._run_interactive()

    async def _run_script(self, texts: tuple[str, ...], speech: bytes | None) -> int:
        failed = False
        for text in texts:
            failed |= await self._ask(text)
        if speech is not None:
            failed |= await self._speak(speech)
        await self._player.finished()
        return int(failed)

    async def _run_piped(self) -> int:
        failed, lines = False, stdin_lines()
        while (line := await lines.get()) is not None:
            failed |= bool(line) and await self._ask(line)
        await self._player.finished()
        return int(failed)

    async def _run_interactive(self) -> int:
        microphone = None if self._loudspeaker is None else opened(Microphone, self._terminal.note)
        if microphone is None:
            return await self._run_typed()
        self._terminal.note("Speak, or type a line. Headphones keep the voices out of the microphone. Ctrl-D leaves.")
        async with beside(microphone.run(self._connection.send)):
            return await self._run_typed()

    async def _run_typed(self) -> int:
        lines = stdin_lines()
        self._terminal.prompt()
        while (line := await lines.get()) is not None:
            self._terminal.typed()
            if line:
                await self._stop_sound()
                await self._connection.send(user_text(line, self._to))
            else:
                self._terminal.prompt()
        return 0

    async def _ask(self, text: str) -> bool:
        """Type a line and wait for its answer; returns whether that failed."""
        exchange = self._exchange = Exchange()
        await self._connection.send(user_text(text, self._to))
        return await self._answered(exchange)

    async def _speak(self, speech: bytes) -> bool:
        """Say a recording and wait for its answer; returns whether that failed."""
        microphone = SimulatedMicrophone(self._connection.send)
        exchange = self._exchange = Exchange()
        async with beside(microphone.run()):
            await microphone.speak(speech)
            return await self._answered(exchange)

    async def _answered(self, exchange: Exchange) -> bool:
        exchange.said()
        await exchange.end()
        if exchange.failure is not None and exchange.outcome != "interrupted":
            if not exchange.errors:  # those were shown as they came
                self._terminal.error(exchange.failure)
            return True
        return False

    async def _read(self) -> None:
        async for message in self._connection:
            if isinstance(message, AudioFrame):
                self._hear(message)
            else:
                await self._take(message)
        raise ConnectionFailed("the server closed the connection")

    def _hear(self, frame: AudioFrame) -> None:
        if self._exchange is not None:
            self._exchange.audio_received()
        if self._player.feed(frame) and self._loudspeaker is not None:
            self._loudspeaker.play(frame.pcm)

    async def _take(self, event: Event) -> None:
        match event["type"]:
            case "turn.started":
                await self._stop_sound()
                self._turn, self._turn_alive = event["turn"], True
            case "reply.ducked":
                self._hold(event["gain"] == 0)
            case "reply.unducked":
                self._hold(False)
            case "turn.done" if event["turn"] == self._turn:
                self._turn_alive = False
                if event["outcome"] == "interrupted":
                    await self._stop_sound()
            case _:
                pass
        self._terminal.show(event)
        if self._exchange is not None:
            self._exchange.take(event)
        elif event["type"] in ("turn.done", "error") and not self._turn_alive:
            self._terminal.prompt()

    async def _watch_ctrl_c(self) -> None:
        """The first Ctrl-C cuts the speaking turn off, the second one leaves."""
        last_turn: int | None = None
        while True:
            await self._ctrl_c.get()
            if last_turn == self._turn:
                raise Left
            last_turn = self._turn
            if self._turn_alive:
                await self._stop_sound()
                await self._connection.send(interrupt())
            else:
                self._terminal.note("Ctrl-C again leaves.")
                self._terminal.prompt()

    async def _stop_sound(self) -> None:
        """Nothing more of the current turn is heard; the server is told how far it was."""
        if self._loudspeaker is not None:
            self._loudspeaker.stop()
        await self._player.stop(self._turn)

    def _hold(self, held: bool) -> None:
        """Wait in mid-word while the server listens whether this is an interruption, or go on."""
        self._player.hold(held)
        if self._loudspeaker is not None:
            self._loudspeaker.hold(held)

    async def _report(self, turn: int, reply: int, samples: int) -> None:
        await self._connection.send(playback_position(turn, reply, samples))

    def _character(self, name: str) -> str:
        """The id of the character called `name`. Raises `ConfigurationError` when there is none."""
        cast = self._connection.ready["characters"]
        for character in cast:
            if name.casefold() in (character["id"].casefold(), character["name"].casefold()):
                return character["id"]
        raise ConfigurationError(f"--to {name}: the cast is {', '.join(character['name'] for character in cast)}")
