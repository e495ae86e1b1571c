"""A session without its client: what was not heard waits for it, exactly from where it was, and nothing comes twice."""

from __future__ import annotations

import asyncio
import random
from contextlib import asynccontextmanager

import pytest

from backend import commands, events
from backend.engines.interfaces import Generation, Speech
from backend.live_session import GOODBYE_WAITS_S, SESSION_WAITS_S, TURN_WAITS_S, LiveSession
from backend.pipelines.turn_detection import TurnSettings
from backend.session import Engines, SessionSettings
from tests.scripted import LoudnessVad, ScriptedLanguageModel, ScriptedSpeechToText, ScriptedTextToSpeech
from tests.sessions import CAST, Figures

pytestmark = pytest.mark.virtual_time

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
async def living(llm=None, cast=CAST, **settings):
    """A session that lives, its first client and its engines."""
    engines = Engines(ScriptedSpeechToText(), llm or ScriptedLanguageModel(REPLY), CountingVoice(), LoudnessVad())
    ended = []
    live = LiveSession(
        engines,
        SessionSettings(cast, TurnSettings(), Generation(), **settings),
        Figures(),
        Store(),
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
        assert live.failure is None


def leave(client: Client, *, goodbye: bool = False) -> None:
    """The connection is gone, and the server knows it."""
    client.deaf_after = 0
    client.live.leave(client.attended, goodbye=goodbye)


async def come_back(client: Client) -> None:
    client.deaf_after = None
    client.attended = await client.live.come_back(client.carry)


def turn_over(client: Client) -> bool:
    """Whether the client knows that the newest turn is over."""
    if any(isinstance(event, events.TurnDone) for event in client.seen):
        return True
    ready = [event for event in client.seen if isinstance(event, events.SessionReady)][-1]
    return ready.newest is not None and ready.newest.done is not None


@pytest.mark.parametrize("seed", range(50))
async def test_a_reply_is_heard_whole_however_often_the_connection_breaks(seed):
    """At 50 random moments: the sound goes on at the sample where it was, all words and every end come, none twice."""
    chance = random.Random(seed)
    async with living() as (live, client, _):
        await live.session.receive(commands.Say("Mara and Theo?", ("mara", "theo")))
        playing = asyncio.create_task(client.play(1, reports=seed % 5 > 0))
        for _ in range(chance.randrange(1, 4)):
            await asyncio.sleep(chance.uniform(0, 3))
            client.deaf_after = chance.randrange(4)  # the connection is broken before the server notices
            await asyncio.sleep(chance.choice((0, 0.05, 0.3)))
            leave(client)
            await asyncio.sleep(chance.uniform(0, TURN_WAITS_S - 0.5))
            await come_back(client)
        await client.when(turn_over)
        playing.cancel()
        await asyncio.wait((playing,))
        replies = live.session.conversation.lines[1:]
        assert [reply.heard_text for reply in replies] == [REPLY, REPLY]
        assert client.texts == {(1, 0): REPLY, (1, 1): REPLY}
        whole = {(1, index): reply.spoken.samples for index, reply in enumerate(replies)}
        assert {key: len(pcm) // 2 for key, pcm in client.pcm.items()} == whole
        told = [event.reply for event in client.seen if isinstance(event, events.ReplyDone)]
        assert len(told) == len(set(told))


async def test_what_waits_too_long_is_cut_where_the_listener_was():
    """Nobody comes back for the reply: its engines are let go, and memory keeps what was heard before."""
    async with living() as (live, client, engines):
        await live.session.receive(commands.Say("Go on."))
        playing = asyncio.create_task(client.play(1))
        await asyncio.sleep(2.0)
        heard = client.heard[0]
        leave(client)
        await asyncio.sleep(TURN_WAITS_S - 0.1)
        assert live.session.answering
        await asyncio.sleep(0.2)
        assert not live.session.answering
        assert engines.llm.counts.live == engines.tts.counts.live == 0
        await come_back(client)
        await client.when(turn_over)
        playing.cancel()
        await asyncio.wait((playing,))
        (reply,) = live.session.conversation.lines[1:]
        assert reply.outcome is events.Outcome.INTERRUPTED
        assert reply.heard_text == reply.spoken.heard_text(REPLY, heard)
        assert 0 < len(reply.heard_text) < len(REPLY)


async def test_whoever_says_goodbye_is_waited_for_less():
    """A connection that was closed properly mostly stays closed."""
    async with living() as (live, client, _):
        await live.session.receive(commands.Say("Go on."))
        await client.until(events.AudioFrame)
        leave(client, goodbye=True)
        await asyncio.sleep(GOODBYE_WAITS_S + 0.1)
        assert not live.session.answering


async def test_a_session_is_not_kept_for_ever():
    """After some minutes the session ends; what was said lasts in the store."""
    async with living() as (live, client, _):
        leave(client)
        await asyncio.sleep(SESSION_WAITS_S - 1)
        await come_back(client)
        leave(client)
        await asyncio.sleep(SESSION_WAITS_S + 1)
        await live.over()


async def test_a_second_connection_takes_the_place_of_the_first():
    """A connection that broke unnoticed does not keep its client out, and its end changes nothing then."""
    async with living() as (live, client, _):
        first = client.attended
        client.attended = await live.come_back(client.carry)
        assert first.done()
        live.leave(first, goodbye=False)
        assert not live.deserted


async def test_the_newest_turn_is_told_as_it_stands():
    """A page that was loaded anew, and knows nothing, learns who is speaking and what was written."""
    async with living() as (live, client, _):
        await live.session.receive(commands.Say("Go on."))
        await client.until(events.ReplySentence)
        leave(client)
        client.seen.clear()
        await come_back(client)
        newest = client.seen[0].newest
        assert (newest.started.text, newest.done) == ("Go on.", None)
        assert REPLY.startswith(newest.replies[0].text)
        assert newest.replies[0].text


async def test_what_the_person_said_before_the_connection_broke_is_answered():
    """The answer to it waits to be heard."""
    async with living() as (live, client, _):
        await live.session.receive(commands.Say("Go on."))
        leave(client)
        await asyncio.sleep(2)
        assert not client.pcm
        await come_back(client)
        playing = asyncio.create_task(client.play(1))
        await client.when(turn_over)
        playing.cancel()
        await asyncio.wait((playing,))
        assert live.session.conversation.lines[-1].heard_text == REPLY
