"""A session with scripted engines, and a listener that plays what it sends, on virtual time."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

from backend import commands, events
from backend.audio import sample_count
from backend.characters import Character
from backend.engines.interfaces import Generation
from backend.pipelines.turn_detection import TurnSettings
from backend.session import Session
from backend.session_settings import Engines, SessionSettings
from tests.scripted import LoudnessVad, ScriptedLanguageModel, ScriptedSpeechToText, ScriptedTextToSpeech

MARA = Character("mara", "Mara", "one", "You are Mara.")
THEO = Character("theo", "Theo", "two", "You are Theo.")
IRIS = Character("iris", "Iris", "three", "You are Iris.")
CAST = (MARA, THEO, IRIS)

LOUD = b"\x00\x40" * 320
QUIET = b"\x00\x00" * 320


class Listener:
    """What a client sees: every event with its time, and the audio it would play."""

    def __init__(self) -> None:
        self._seen: dict[type, list[tuple[float, events.Event]]] = {}
        self._forgotten: dict[type, int] = {}
        self._arrived = asyncio.Event()

    async def emit(self, event: events.Event) -> None:
        self._seen.setdefault(type(event), []).append((asyncio.get_running_loop().time(), event))
        self._arrived.set()

    def timed(self, kind):
        """(time, event) of every event of a kind."""
        return self._seen.get(kind, [])

    def of(self, kind):
        return [event for _, event in self.timed(kind)]

    def times(self, kind):
        return [at for at, _ in self.timed(kind)]

    async def until(self, kind, count: int = 1):
        """Wait for the `count`-th event of a kind since `forget`; return it."""
        while len(self.timed(kind)) < count:
            self._arrived.clear()
            await self._arrived.wait()
        return self.timed(kind)[count - 1][1]

    def forget(self, kind) -> None:
        """Start counting events of a kind anew."""
        self._seen.pop(kind, None)

    def samples(self, turn: int, reply: int = 0) -> int:
        frames = [f for f in self.of(events.AudioFrame) if (f.turn, f.reply) == (turn, reply)]
        return sum(sample_count(frame.pcm) for frame in frames)


class Figures:
    """What a session accounts for."""

    def __init__(self) -> None:
        self.replies = []
        self.speculations = []
        self.summaries = []

    def account(self, session, turn, entry, outcome) -> None:
        self.replies.append((turn, entry, outcome))

    def speculated(self, outcome, llm_calls) -> None:
        self.speculations.append((outcome, llm_calls))

    def summarised(self, outcome) -> None:
        self.summaries.append(outcome)


@asynccontextmanager
async def open_session(
    llm=None, tts=None, stt=None, cast=CAST, output_rate=24000, figures=None, turn_model=None, **settings
):
    """A running session, its listener and its engines; cancelled at the end. `settings`: more of the session's."""
    engines = Engines(
        stt=stt or ScriptedSpeechToText(),
        llm=llm or ScriptedLanguageModel(),
        tts=tts or ScriptedTextToSpeech(),
        vad=LoudnessVad(),
        turn_model=turn_model,
    )
    listener = Listener()
    loop = asyncio.get_running_loop()
    session = Session(
        engines,
        SessionSettings(cast, TurnSettings(silence_ms=200), Generation(), output_rate, **settings),
        listener.emit,
        figures or Figures(),
        loop.time,
    )
    task = asyncio.create_task(session.run())
    await listener.until(events.SessionReady)
    try:
        yield session, listener, engines
    finally:
        task.cancel()
        await asyncio.wait((task,))
        if not task.cancelled():
            task.result()


async def speak(session: Session, seconds: float) -> None:
    """Someone talks for so long and then is quiet for half a second, in real time."""
    for frame, count in ((LOUD, round(seconds * 50)), (QUIET, 25)):
        for _ in range(count):
            await session.receive(commands.Microphone(frame))
            await asyncio.sleep(0.02)
