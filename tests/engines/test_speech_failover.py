"""Several speech servers as one: whatever happens to them, a text is spoken to its end, once. On virtual time."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.audio import sample_count
from backend.engines import patience
from backend.engines.interfaces import Manner
from backend.engines.offline_speech import OfflineTextToSpeech
from backend.engines.speech_server import ServerFailed, ServerLacks
from backend.errors import EngineError
from backend.heard import SpeechRate
from tests.engines import contract
from tests.scripted import CHARACTER_S, RATE_HZ, ScriptedTextToSpeech
from tests.speech_servers import ScriptedServer, engine_of, idle, silences, speech_of
from tests.virtual_time import VirtualTimeLoop

TEXT = "The harbour is quiet tonight, and the tide turns at four in the morning."
LENGTH_S = sample_count(speech_of(TEXT)) / RATE_HZ


LONGEST_WORD_S = 0.5
"""With what is counted off an estimate."""


def left_to_say(servers: list[ScriptedServer]) -> str:
    """The least that any server was asked for."""
    texts = [request["input"] for server in servers for request in server.asked]
    assert all(TEXT.endswith(text) for text in texts)
    return min(texts, key=len)


def two(**settings) -> tuple[ScriptedServer, ScriptedServer]:
    return ScriptedServer("one", **settings), ScriptedServer("two", **settings)


async def spoken(engine, text: str = TEXT, voice: str = "nova", **manner) -> bytes:
    """What a new voice says of a text."""
    pieces = await contract.drain(engine.open_voice(voice, Manner(**manner)).stream(text))
    return b"".join(piece.pcm for piece in pieces)


async def spoken_by(server: ScriptedServer, engine) -> None:
    """Have one of the servers say a text."""
    request = engine.request(TEXT, "nova", Manner())
    ear = patience.Ear(RATE_HZ, asyncio.get_running_loop().time)
    await contract.drain(server.stream(request, patience.Patience(ear, lambda: False, lambda: None)))
    server.asked.clear()


async def heard(engine, text: str = TEXT) -> tuple[bytes, float]:
    """What a new voice says, and the longest silence that a listener hears in it."""
    loop, arrivals, pcm = asyncio.get_running_loop(), [], b""
    async for piece in engine.open_voice("nova").stream(text):
        arrivals.append((loop.time(), sample_count(piece.pcm) / RATE_HZ))
        pcm += piece.pcm
    return pcm, max(silences(arrivals))


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
