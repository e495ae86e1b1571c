"""The sessions of one server: all of them learn what becomes of its engines."""

from __future__ import annotations

import asyncio
import itertools
from contextlib import asynccontextmanager

import pytest

from backend import commands, events
from backend.engines.interfaces import Generation
from backend.engines.tasks import stop
from backend.live_sessions import ENGINES_TOLD_EVERY_S, LiveSessions
from backend.pipelines.turn_detection import TurnSettings
from backend.session_settings import Engines, SessionSettings
from tests.live import Client, Store
from tests.scripted import LoudnessVad, ScriptedLanguageModel, ScriptedSpeechToText, ScriptedTextToSpeech
from tests.sessions import CAST, Figures

pytestmark = pytest.mark.virtual_time


class Visitor(Client):
    """A client that notes when it learned something of the engines."""

    def __init__(self, live):
        super().__init__(live)
        self.shown = None
        self.told_at = []

    def take(self, event):
        super().take(event)
        if isinstance(event, events.SessionReady | events.EnginesChanged):
            self.shown = event.engines
        if isinstance(event, events.EnginesChanged):
            self.told_at.append(asyncio.get_running_loop().time())

    async def shows(self, detail):
        await self.when(lambda visitor: visitor.shown["stt"]["detail"] == detail)


@asynccontextmanager
async def visited(visitors=1):
    """Clients in sessions of their own, and the engines they share."""
    stt, llm = ScriptedSpeechToText(), ScriptedLanguageModel("Very well.")
    engines = Engines(stt, llm, ScriptedTextToSpeech(), LoudnessVad())
    sessions = LiveSessions(engines, Figures(), Store(), visitors)
    telling = asyncio.create_task(sessions.tell_engines())
    settings = SessionSettings(CAST, TurnSettings(), Generation())
    clients = [Visitor(sessions.open(settings, sessions.new_token())) for _ in range(visitors)]
    for client in clients:
        client.attended = client.live.start(client.carry)
        await client.until(events.SessionReady)
    try:
        yield clients, engines
    finally:
        await stop(telling)
        await sessions.close()


def become(engines, detail):
    engines.stt.detail = detail
    engines.changed.set()


async def test_every_client_learns_at_once_that_an_engine_has_changed():
    """Nobody has to ask whether the recogniser has loaded: whoever is there is told what `session.ready` would say."""
    async with visited(3) as (clients, engines):
        become(engines, "loading")
        for client in clients:
            await client.shows("loading")
            assert client.shown == engines.describe()
        assert [client.told_at for client in clients] == [[pytest.approx(1000, abs=0.1)]] * 3


async def test_progress_is_told_about_once_a_second_and_its_end_always():
    """A download of a hundred steps is a handful of events, and the last one is the last state."""
    async with visited() as ((client,), engines):
        for percent in range(101):
            become(engines, f"fetching {percent} %")
            await asyncio.sleep(0.05)
        become(engines, "ready")
        await client.shows("ready")
        gaps = [after - before for before, after in itertools.pairwise(client.told_at)]
        assert all(gap > ENGINES_TOLD_EVERY_S - 0.01 for gap in gaps)
        assert len(gaps) >= 5


async def test_what_has_not_changed_is_not_told():
    """An engine that announces the state it was in already is no news."""
    async with visited() as ((client,), engines):
        become(engines, engines.stt.detail)
        await asyncio.sleep(5)
        assert client.told_at == []


async def test_who_comes_back_is_not_told_what_has_passed():
    """What an engine went through while the connection was broken is no concern of the client: it sees how it is."""
    async with visited() as ((client,), engines):
        client.live.leave(client.attended, goodbye=False)
        for percent in range(5):
            become(engines, f"fetching {percent} %")
            await asyncio.sleep(2)
        become(engines, "ready")
        await asyncio.sleep(2)
        client.attended = await client.live.come_back(client.carry)
        assert client.shown == engines.describe()
        await client.live.session.receive(commands.Ping("here"))
        await client.until(events.Pong)
        assert client.told_at == []
        assert client.shown == engines.describe()
