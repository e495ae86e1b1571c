"""Several speech servers as one: whatever happens to them, a text is spoken to its end, once. On virtual time."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.audio import sample_count
from backend.engines.interfaces import Manner
from backend.engines.offline_speech import OfflineTextToSpeech
from backend.engines.speech_server import ServerFailed
from backend.errors import EngineError
from backend.heard import SpeechRate
from tests.engines import contract
from tests.scripted import CHARACTER_S, RATE_HZ, ScriptedTextToSpeech
from tests.speech_servers import (
    LENGTH_S,
    LONGEST_WORD_S,
    TEXT,
    ScriptedServer,
    engine_of,
    heard,
    idle,
    speech_of,
    spoken,
    two,
)
from tests.virtual_time import VirtualTimeLoop


def left_to_say(servers: list[ScriptedServer]) -> str:
    """The least that any server was asked for."""
    texts = [request["input"] for server in servers for request in server.asked]
    assert all(TEXT.endswith(text) for text in texts)
    return min(texts, key=len)


@pytest.mark.virtual_time
@pytest.mark.parametrize("check", contract.CHECKS)
@pytest.mark.parametrize("breaks", [None, "dies_at", "stalls_at"])
async def test_keeps_the_contract(check, breaks):
    """Several servers behave as every engine must, also while one after another breaks off."""
    servers = two()
    if breaks:
        setattr(servers[0], breaks, 0.5)
    async with engine_of(*servers) as engine:
        await check(contract.speaking(engine, TEXT, idle=lambda: idle(engine)))


@given(
    broken=st.lists(
        st.tuples(st.sampled_from(["dies_at", "stalls_at", "refuses"]), st.floats(0.0, LENGTH_S)), max_size=2
    ),
    factor=st.sampled_from([0.05, 0.2, 0.9]),
)
def test_a_text_is_whole_wherever_servers_break(broken, factor):
    """Samples joined are the whole answer of deterministic servers or, of slow ones, the answer as far as it was heard
    and those for the rest of the text; every server is asked at most once, nothing stays open, and who failed is down.
    """
    servers = [ScriptedServer(name, factor=factor) for name in ("one", "two", "three")]
    for server, (how, at) in zip(servers, broken, strict=False):
        if how == "refuses":
            server.refusal = ServerFailed("the server answered 503: busy")
        else:
            setattr(server, how, at)

    async def run() -> None:
        async with engine_of(*servers) as engine:
            engine.rate = SpeechRate(1 / CHARACTER_S)
            pcm = await spoken(engine)
            assert pcm.endswith(speech_of(left_to_say(servers)))
            assert factor > 0.5 or pcm == speech_of(TEXT)
            assert 0 <= sample_count(pcm) / RATE_HZ - LENGTH_S < 2 * LONGEST_WORD_S
            assert all(len(server.asked) <= 1 for server in servers)
            assert idle(engine)
            asked = [server for server in servers if server.asked]
            assert [server.up for server in servers if server.asked].count(True) == 1
            assert sum(engine.servers.failovers.values()) == len(asked) - 1
            assert sum(engine.servers.finished_elsewhere.values()) == (len(asked) > 1)
        assert not any(server.up for server in servers if server.asked and server.failures)

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        runner.run(run())


@pytest.mark.virtual_time
@pytest.mark.parametrize("at", [0.0, 0.1, 0.5, 1.0, 2.0])
@pytest.mark.parametrize("how", ["dies_at", "stalls_at"])
async def test_nobody_hears_a_silence_of_a_second(how, at):
    """Servers that are a few times faster than speech: what was unheard lasts until the other one has caught up."""
    servers = two()
    for server in servers:
        setattr(server, how, at)
        async with engine_of(*servers) as engine:
            pcm, silence = await heard(engine)
            assert pcm == speech_of(TEXT)
            assert silence < 1.0
        setattr(server, how, None)
        server.alive = server.up = True


@pytest.mark.virtual_time
async def test_a_refusal_of_the_request_is_nobody_elses_business():
    """A voice that a server does not know another one does not know either; the server stays up."""
    servers = two()
    for server in servers:
        server.refusal = EngineError("tts", "the server answered 400: no such voice")
    async with engine_of(*servers) as engine:
        error = await contract.fails_with("tts", engine.open_voice("nova").stream(TEXT))
        assert "no such voice" in str(error)
        assert not any(server.failures for server in servers)
        assert sum(len(server.asked) for server in servers) == 1
        assert not engine.servers.down


@pytest.mark.virtual_time
async def test_when_all_fail_it_is_said_why_and_all_are_tried_again():
    """A server that is down is asked rather than nobody, so one that is back is found at once."""
    servers = two()
    async with engine_of(*servers) as engine:
        for server in servers:
            server.alive = False
        error = await contract.fails_with("tts", engine.open_voice("nova").stream(TEXT))
        assert "nothing is listening" in str(error)
        servers[1].alive = True
        assert await spoken(engine) == speech_of(TEXT)
        assert servers[1].up


@pytest.mark.virtual_time
async def test_both_servers_draw_the_same():
    """The second server is asked for the same text in the same voice with the same seed; texts differ in theirs, and a
    seed that was asked for is kept. A single server is asked as it always was."""
    servers = two()
    servers[0].alive = servers[1].alive = False
    async with engine_of(*servers, dialect="vllm-omni") as engine:
        for seed in (None, None, 7):
            await contract.fails_with("tts", engine.open_voice("nova", Manner(seed=seed)).stream(TEXT))
        assert servers[0].asked == servers[1].asked
        first, second, third = (request["seed"] for request in servers[0].asked)
        assert first != second
        assert third == 7
    async with engine_of(server := ScriptedServer("one"), dialect="vllm-omni") as engine:
        await spoken(engine)
        assert "seed" not in server.asked[0]


@pytest.mark.virtual_time
async def test_a_voice_that_had_to_change_servers_stays_where_it_is():
    """When its first server is back it is not left again without a reason."""
    servers = two()
    async with engine_of(*servers) as engine:
        voice = engine.open_voice("nova")
        await contract.drain(voice.stream(TEXT))
        first, second = sorted(servers, key=lambda server: -len(server.asked))
        first.alive = False
        await contract.drain(voice.stream(TEXT))
        first.alive = True
        await asyncio.sleep(60)
        assert first.up
        await contract.drain(voice.stream(TEXT))
        assert (len(first.asked), len(second.asked)) == (2, 2)


@pytest.mark.virtual_time
async def test_another_take_still_ends_as_it_should():
    """Where servers do not draw the same, the end is the other one's, and hardly anything is heard twice."""
    servers = two()
    servers[1].take = 1
    async with engine_of(*servers) as engine:
        await spoken(engine, "Hm.")
        first, second = sorted(servers, key=lambda server: -len(server.asked))
        first.dies_at = 1.0
        pcm = await spoken(engine)
        own, others = speech_of(TEXT, first.take), speech_of(TEXT, second.take)
        assert pcm.startswith(own[: int(1.9 * RATE_HZ)])
        assert pcm.endswith(others[-2 * int((LENGTH_S - 1.0) * RATE_HZ) :])
        assert 0 <= sample_count(pcm) - sample_count(others) <= 0.4 * RATE_HZ


@pytest.mark.virtual_time
async def test_what_changes_is_told():
    """Clients are told of a server that goes down and comes up, of a single one as little as before."""
    changed = asyncio.Event()
    servers = two()
    async with engine_of(*servers, changed=changed) as engine:
        servers[0].alive = servers[1].alive = False
        await contract.fails_with("tts", engine.open_voice("nova").stream(TEXT))
        assert changed.is_set()
        assert engine.detail == "scripted at http://one, http://two; not answering: http://one, http://two"
        changed.clear()
        servers[0].alive = True
        await changed.wait()
        assert engine.detail == "scripted at http://one, http://two; not answering: http://two"
        changed.clear()
    async with engine_of(server := ScriptedServer("one"), changed=changed) as engine:
        server.alive = False
        await contract.fails_with("tts", engine.open_voice("nova").stream(TEXT))
        assert engine.detail == "scripted at http://one"
        assert not changed.is_set()


@pytest.mark.virtual_time
@pytest.mark.parametrize("at", [0.0, 0.5, 1.0, 2.0])
async def test_the_fallback_finishes_what_nobody_else_can(at):
    """It begins with the word that was reached, its words are marked where they are heard, and it is told that it was
    the fallback."""
    fallback = ScriptedTextToSpeech(marks=True)
    servers = two()
    servers[0].dies_at = servers[1].dies_at = at
    async with engine_of(*servers, fallback=fallback) as engine:
        voice = engine.open_voice("nova")
        engine.rate = SpeechRate(1 / CHARACTER_S)
        pieces = await contract.drain(voice.stream(TEXT))
        rest = fallback.spoken[0][1]
        assert TEXT.endswith(rest)
        assert len(TEXT) - len(rest) <= at / CHARACTER_S < len(TEXT) - len(rest) + 12
        passed = sum(sample_count(piece.pcm) for piece in pieces) - int(len(rest) * CHARACTER_S * RATE_HZ)
        marks = [mark for piece in pieces for mark in piece.marks]
        assert [mark.offset for mark in marks][:1] == [len(TEXT) - len(rest)]
        assert marks[0].sample == passed
        assert passed == at * RATE_HZ
        assert sum(count for (_, to, _), count in engine.servers.failovers.items() if to == "scripted") == 1


@pytest.mark.virtual_time
async def test_the_fallback_speaks_at_once_while_no_server_is_up():
    """Who is known to be down is not asked text after text; one that is back is asked again."""
    fallback, server = ScriptedTextToSpeech(), ScriptedServer("one")
    async with engine_of(server, fallback=fallback) as engine:
        server.alive = False
        await spoken(engine)
        await spoken(engine)
        assert (len(server.asked), len(fallback.spoken)) == (1, 2)
        server.alive = True
        await asyncio.sleep(60)
        assert await spoken(engine) == speech_of(TEXT)


@pytest.mark.virtual_time
async def test_the_fallback_finishes_for_a_server_that_is_silent():
    """A single server is not waited for where somebody else can speak."""
    fallback, server = ScriptedTextToSpeech(), ScriptedServer("one")
    server.stalls_at = 1.0
    async with engine_of(server, fallback=fallback) as engine:
        began = asyncio.get_running_loop().time()
        await spoken(engine)
        assert fallback.spoken
        assert asyncio.get_running_loop().time() - began < LENGTH_S
        assert idle(engine)


@pytest.mark.virtual_time
async def test_where_the_fallback_begins_is_learnt_from_the_voice():
    """Scripted servers speak faster than people: after one text that is known, and the place is right: the word that is
    being said or, as that is an estimate, the one before."""
    fallback, server = ScriptedTextToSpeech(), ScriptedServer("one")
    async with engine_of(server, fallback=fallback) as engine:
        voice = engine.open_voice("nova")
        await contract.drain(voice.stream(TEXT))
        server.dies_at = 2.0
        await contract.drain(voice.stream(TEXT))
        (rest,) = (text for _, text in fallback.spoken)
        begun = len(TEXT) - len(rest)
        assert begun <= 2.0 / CHARACTER_S < begun + len(" ".join(rest.split()[:2])) + 1


async def test_the_offline_voice_is_the_fallback():
    """The real one: at its own sample rate, in the voice of that name, loaded and unloaded with the engine."""
    server, offline = ScriptedServer("one"), OfflineTextToSpeech()
    server.alive = False
    async with engine_of(server, fallback=offline) as engine:
        await contract.stops_when_closed(contract.speaking(engine, TEXT, idle=lambda: idle(engine)))
        seconds = sample_count(await spoken(engine, seed=1)) / RATE_HZ
        alone = await contract.drain(offline.open_voice("nova", Manner(seed=1)).stream(TEXT))
        own = sum(sample_count(piece.pcm) for piece in alone)
        assert seconds == pytest.approx(own / offline.sample_rate_hz, abs=0.001)
    assert not offline.ready
