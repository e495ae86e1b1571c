"""A session without its client: what was not heard waits for it, exactly from where it was, and nothing comes twice."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace

import pytest

from backend import commands, events
from backend.live_session import GOODBYE_WAITS_S, SESSION_WAITS_S, TURN_WAITS_S
from tests.live import REPLY, Client, living, turn_over
from tests.sessions import CAST, LOUD, QUIET

pytestmark = pytest.mark.virtual_time


def leave(client: Client, *, goodbye: bool = False) -> None:
    """The connection is gone, and the server knows it."""
    client.deaf_after = 0
    client.live.leave(client.attended, goodbye=goodbye)


async def come_back(client: Client) -> None:
    client.deaf_after = None
    client.attended = await client.live.come_back(client.carry)


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


async def test_a_turn_that_begins_while_nobody_is_there_waits_no_longer():
    """What a character that must not be interrupted had to finish first is answered late, and holds no engine then."""
    cast = (replace(CAST[0], interruptible=False),)
    async with living(cast=cast) as (live, client, engines):
        await live.session.receive(commands.Say("Go on."))
        await client.until(events.AudioFrame)
        for frame in [LOUD] * 50 + [QUIET] * 75:
            await live.session.receive(commands.Microphone(frame))
            await asyncio.sleep(0.02)
        leave(client)
        await asyncio.sleep(TURN_WAITS_S + 1)
        assert len(engines.llm.requests) == 2
        await asyncio.sleep(TURN_WAITS_S)
        assert not live.session.answering
        assert engines.llm.counts.live == engines.tts.counts.live == 0


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


async def test_who_is_back_learns_again_when_which_word_is_heard():
    """The word being spoken is marked, and what was heard is known, also for a page that has missed the telling."""
    async with living() as (live, client, _):
        await live.session.receive(commands.Say("Go on."))
        await client.until(events.ReplyWords)
        told = next(event for event in client.seen if isinstance(event, events.ReplyWords))
        leave(client)
        client.seen.clear()
        await come_back(client)
        again = next(event for event in client.seen if isinstance(event, events.ReplyWords))
        assert (again.sentence, [word.end for word in again.words]) == (0, [word.end for word in told.words])


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


async def test_the_clock_goes_on_where_it_was_when_a_second_connection_takes_over():
    """Of a listener that never reports, no more is taken for unheard than the second that may have been lost."""
    async with living() as (live, client, _):
        await live.session.receive(commands.Say("Go on."))
        await client.until(events.AudioFrame)
        loop = asyncio.get_running_loop()
        began = loop.time()
        await asyncio.sleep(3.0)
        client.attended = await live.come_back(client.carry)
        await client.when(turn_over)
        audio_s = live.session.conversation.lines[-1].spoken.samples / 24_000
        assert loop.time() - began == pytest.approx(audio_s + 1.0, abs=0.2)


async def test_a_connection_that_takes_no_more_keeps_nobody_out():
    """A client that comes by another connection need not wait until the first is found to be broken."""
    async with living() as (live, client, _):
        stuck = asyncio.Event()

        async def takes_no_more(event, at) -> bool:
            stuck.set()
            await asyncio.sleep(60)
            return True

        connecting = asyncio.create_task(live.come_back(takes_no_more))
        await stuck.wait()
        await live.session.receive(commands.Say("Go on."))
        before = asyncio.get_running_loop().time()
        await come_back(client)
        await client.until(events.SessionReady)
        assert asyncio.get_running_loop().time() == before
        await connecting
        playing = asyncio.create_task(client.play(1))
        await client.when(turn_over)
        playing.cancel()
        await asyncio.wait((playing,))
        assert live.session.conversation.lines[-1].heard_text == REPLY
