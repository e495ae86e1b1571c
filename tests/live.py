"""A session that lives on the server, and a client that plays what it is sent, on virtual time."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

from backend import commands, events
from backend.engines.interfaces import Generation, Speech
from backend.live_session import LiveSession
from backend.pipelines.turn_detection import TurnSettings
from backend.session_settings import Engines, SessionSettings
from tests.scripted import LoudnessVad, ScriptedLanguageModel, ScriptedSpeechToText, ScriptedTextToSpeech
from tests.sessions import CAST, Figures

REPLY = "The harbour is quiet tonight. The tide turns at four in the morning, and then the boats go out again."


class CountingVoice(ScriptedTextToSpeech):
    """Speech of which no two samples near each other are alike."""

    def __init__(self) -> None:
        super().__init__()
        self.made = 0

    def open_voice(self, voice, manner=None):
        inner = super().open_voice(voice, manner)
        engine = self

        class Voice:
            async def stream(self, text):
                async for speech in inner.stream(text):
                    first = engine.made
                    engine.made += len(speech.pcm) // 2
                    numbers = range(first, engine.made)
                    yield Speech(b"".join((n % 30_011).to_bytes(2, "little") for n in numbers), speech.marks)

        return Voice()


class Store:
    """Keeps nothing, at once."""

    def __init__(self) -> None:
        self.written = []

    def now(self) -> float:
        return 0.0

    async def write(self, changes) -> None:
        self.written.append(changes)


class Client:
    """Plays what comes, in real time, and reports where it is; what was under way when it is cut off is lost."""

    def __init__(self, live: LiveSession) -> None:
        self.live = live
        self.pcm: dict[tuple[int, int], bytearray] = {}
        self.seen: list[events.Event] = []
        self.texts: dict[tuple[int, int], str] = {}
        self.deaf_after: int | None = None
        """Events that still arrive before all further ones are lost on the way."""
        self.attended = None
        self.told = asyncio.Event()
        self.heard: dict[int, int] = {}

    async def carry(self, event, at) -> bool:
        if self.deaf_after is not None:
            self.deaf_after -= 1
            if self.deaf_after < 0:
                return True  # written to a socket that nobody reads any more
        self.take(event)
        self.told.set()
        return True

    def take(self, event) -> None:
        self.seen.append(event)
        match event:
            case events.SessionReady(newest=newest) if newest is not None:
                for reply in newest.replies:
                    self.texts[newest.started.turn, reply.started.reply] = reply.text
            case events.ReplyStarted():
                self.texts[event.turn, event.reply] = ""
            case events.ReplyText():
                self.texts[event.turn, event.reply] += event.delta
            case events.AudioFrame():
                pcm = self.pcm.setdefault((event.turn, event.reply), bytearray())
                have = len(pcm) // 2
                assert event.first_sample <= have, "samples are missing"
                again = have - event.first_sample
                assert pcm[2 * event.first_sample :][: len(event.pcm)] == event.pcm[: 2 * again]
                pcm += event.pcm[2 * again :]
            case _:
                pass

    async def until(self, kind) -> None:
        await self.when(lambda client: any(isinstance(event, kind) for event in client.seen))

    async def when(self, true_of) -> None:
        while not true_of(self):
            self.told.clear()
            await self.told.wait()

    async def play(self, turn: int, *, reports: bool = True) -> None:
        """Play everything that comes, for ever."""
        loop, heard = asyncio.get_running_loop(), self.heard
        before = loop.time()
        while True:
            await asyncio.sleep(0.1)
            budget, before = round((loop.time() - before) * 24_000), loop.time()
            for (number, reply), pcm in sorted(self.pcm.items()):
                if number != turn:
                    continue
                played = min(budget, len(pcm) // 2 - heard.get(reply, 0))
                budget -= played
                heard[reply] = heard.get(reply, 0) + played
                if played and reports and self.deaf_after is None:
                    await self.live.session.receive(commands.PlaybackPosition(turn, reply, heard[reply]))


@asynccontextmanager
async def living(llm=None, store=None, cast=CAST, fails=False, **settings):
    """A session that lives, its first client and its engines. `fails`: whether it comes upon a bug."""
    engines = Engines(ScriptedSpeechToText(), llm or ScriptedLanguageModel(REPLY), CountingVoice(), LoudnessVad())
    ended = []
    live = LiveSession(
        engines,
        SessionSettings(cast, TurnSettings(), Generation(), **settings),
        Figures(),
        store or Store(),
        ended.append,
        clock=asyncio.get_running_loop().time,
    )
    client = Client(live)
    client.attended = live.start(client.carry)
    await client.until(events.SessionReady)
    try:
        yield live, client, engines
    finally:
        live.end()
        await live.over()
        assert ended == [live]
        assert (live.failure is not None) == fails


def turn_over(client: Client) -> bool:
    """Whether the client knows that the newest turn is over."""
    if any(isinstance(event, events.TurnDone) for event in client.seen):
        return True
    ready = next((event for event in reversed(client.seen) if isinstance(event, events.SessionReady)), None)
    return ready is not None and ready.newest is not None and ready.newest.done is not None
