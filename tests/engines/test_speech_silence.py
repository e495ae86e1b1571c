"""Several speech servers as one: how long they are waited for, and what a listener hears meanwhile. On virtual time."""

from __future__ import annotations

import asyncio

import pytest

from backend.audio import sample_count
from backend.engines import patience
from backend.engines.speech_server import ServerLacks
from backend.errors import EngineError
from tests.engines import contract
from tests.scripted import CHARACTER_S, RATE_HZ, ScriptedTextToSpeech
from tests.speech_servers import (
    LENGTH_S,
    LONGEST_WORD_S,
    TEXT,
    ScriptedServer,
    engine_of,
    heard,
    silences,
    speech_of,
    spoken,
    spoken_by,
    two,
)


@pytest.mark.virtual_time
@pytest.mark.parametrize("at", [0.1, 0.5, 1.0, 1.5, 2.0, 2.5])
@pytest.mark.parametrize("how", ["dies_at", "stalls_at"])
@pytest.mark.parametrize("factor", [0.7, 1.0])
async def test_nobody_hears_a_silence_of_a_second_from_servers_as_fast_as_speech(factor, how, at):
    """Who goes on is asked for the rest of the text if the whole would take too long, and where that begins in the
    speech is marked; a word may be heard twice, none is left out."""
    servers = two(factor=factor)
    async with engine_of(*servers) as engine:
        await contract.drain(engine.open_voice("nova").stream(TEXT))
        first, second = sorted(servers, key=lambda server: -len(server.asked))
        setattr(first, how, at)
        loop, arrivals, passed, marks = asyncio.get_running_loop(), [], 0, []
        async for piece in engine.open_voice("nova").stream(TEXT):
            arrivals.append((loop.time(), sample_count(piece.pcm) / RATE_HZ))
            marks += [(mark, passed) for mark in piece.marks]
            passed += sample_count(piece.pcm)
        assert max(silences(arrivals)) < 1.0
        begun = len(TEXT) - len(second.asked[0]["input"])
        assert TEXT[begun:] == second.asked[0]["input"]
        assert begun <= at / CHARACTER_S
        assert [(mark.offset, mark.sample) for mark, _ in marks] == ([(begun, marks[0][1])] if begun else [])
        assert 0 <= passed / RATE_HZ - LENGTH_S < LONGEST_WORD_S


@pytest.mark.virtual_time
async def test_how_fast_a_server_is_decides_who_says_what_again():
    """The same break: one that is known to be quick says everything again, to the sample; one known to be slow the
    rest."""
    for factor, whole in ((0.2, True), (0.9, False)):
        servers = two(factor=0.9)
        async with engine_of(*servers) as engine:
            first = engine.servers.choose("nova", None, (), up_only=False)
            (second,) = set(servers) - {first}
            second.factor = factor
            first.alive = False
            await spoken(engine)
            first.alive, first.up, first.dies_at, second.asked = True, True, 2.5, []
            pcm = await spoken(engine)
            assert (second.asked[0]["input"] == TEXT) is whole
            assert (pcm == speech_of(TEXT)) is whole


@pytest.mark.virtual_time
@pytest.mark.parametrize("speech_s", [0.3, 1.0, 1.2])
async def test_an_answer_that_ends_far_too_soon_is_finished_by_another_server(speech_s):
    """It ended as if it were whole. If the other one says no more, that was all."""
    servers = two()
    async with engine_of(*servers) as engine:
        await spoken(engine)
        first, second = sorted(servers, key=lambda server: -len(server.asked))
        first.ends_at = speech_s
        assert await spoken(engine) == speech_of(TEXT)
        await asyncio.sleep(60)
        second.ends_at = speech_s
        assert await spoken(engine) == speech_of(TEXT)[: 2 * int(speech_s * RATE_HZ)]
        assert first.requests == 3


@pytest.mark.virtual_time
async def test_a_server_without_the_model_is_not_the_last_word():
    """Another one may have it; if none has, that is said, and nobody is down for it."""
    servers = two()
    servers[0].refusal = servers[1].refusal = ServerLacks("the server answered 404: no such model")
    fallback = ScriptedTextToSpeech()
    async with engine_of(*servers, fallback=fallback) as engine:
        error = await contract.fails_with("tts", engine.open_voice("nova").stream(TEXT))
        assert "no such model" in str(error)
        assert not engine.servers.down
        assert not fallback.spoken
        servers[1].refusal = None
        assert await spoken(engine) == speech_of(TEXT)
        assert engine.servers.servers[0].failures == 1 + (len(servers[0].asked) > 1)


@pytest.mark.virtual_time
async def test_a_refusal_in_the_middle_of_a_text_is_not_the_end_of_it():
    """Something was heard already: the next server is asked, or the fallback."""
    refusal = EngineError("tts", "the server answered 400: no")
    for fallback in (None, ScriptedTextToSpeech()):
        servers = [ScriptedServer(name) for name in ("one", "two", "three")][: 2 if fallback else 3]
        async with engine_of(*servers, fallback=fallback) as engine:
            first = engine.servers.choose("nova", None, (), up_only=False)
            second = engine.servers.choose("nova", None, (first,), up_only=False)
            first.dies_at, second.refusal = 1.0, refusal
            pcm = await spoken(engine)
            assert second.up
            assert sample_count(pcm) >= LENGTH_S * RATE_HZ - 1
            assert pcm == speech_of(TEXT) or fallback.spoken


@pytest.mark.virtual_time
async def test_a_server_that_stalls_between_sentences_is_given_up_while_the_last_one_is_heard():
    """The first sound of the next sentence is waited for no longer than that lasts, and a little."""
    servers = two(factor=0.5)
    async with engine_of(*servers) as engine:
        voice, loop, arrivals = engine.open_voice("nova"), asyncio.get_running_loop(), []
        for stalls_at in (None, 0.0):
            for server in servers:
                server.stalls_at = stalls_at if server.asked else None
            async for piece in voice.stream(TEXT):
                arrivals.append((loop.time(), sample_count(piece.pcm) / RATE_HZ))
        assert max(silences(arrivals)) < 1.0
        assert sum(engine.servers.failovers.values()) == 1


@pytest.mark.virtual_time
async def test_what_was_interrupted_is_not_being_heard():
    """The next text is another reply, whose first sound may take its time."""
    servers = two(factor=0.1)
    async with engine_of(*servers) as engine:
        voice = engine.open_voice("nova")
        stream = voice.stream(TEXT)
        for _ in range(20):
            await anext(stream)
        await stream.aclose()
        for server in servers:
            server.first_s = 2.5
        await contract.drain(voice.stream(TEXT))
        assert not engine.servers.failovers


@pytest.mark.virtual_time
async def test_a_server_that_stutters_is_left_for_one_that_does_not():
    """It has become slower than one listens, and no gap is long; where all are like that, it is stayed with."""
    for factor, leaves in ((0.3, True), (1.0, True), (1.8, False)):
        servers = two(factor=factor)
        async with engine_of(*servers) as engine:
            for server in servers:
                await spoken_by(server, engine)
            first = engine.servers.choose("nova", None, (), up_only=False)
            first.factor = 2.5
            pcm, silence = await heard(engine, TEXT + " " + TEXT)
            assert silence < 1.0
            assert bool(engine.servers.failovers) is leaves
            assert leaves or pcm == speech_of(TEXT + " " + TEXT)


@pytest.mark.virtual_time
async def test_a_server_that_is_only_slow_is_waited_for():
    """One that speaks hardly faster than it is heard, in large pieces, is not taken for one that has stalled."""
    servers = two(first_s=1.5, factor=0.95)
    async with engine_of(*servers) as engine:
        assert (await heard(engine))[0] == speech_of(TEXT)
        assert not engine.servers.failovers


@pytest.mark.virtual_time
async def test_a_server_that_pauses_while_enough_is_unheard_is_waited_for():
    """The listener does not notice, and another one would have to begin at the beginning."""
    servers = two(factor=0.05)
    for server in servers:
        server.pause = (2.0, 1.2)
    async with engine_of(*servers) as engine:
        pcm, silence = await heard(engine)
        assert pcm == speech_of(TEXT)
        assert silence == 0
        assert not engine.servers.failovers


@pytest.mark.virtual_time
async def test_one_server_is_waited_for_as_long_as_it_takes():
    """Without another there is nothing better to do."""
    server = ScriptedServer("one", first_s=10 * patience.FIRST_SOUND_S)
    async with engine_of(server) as engine:
        assert await spoken(engine) == speech_of(TEXT)
