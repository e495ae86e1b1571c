"""What one session of the evaluation is made of: the loudspeaker, the person, the scripted language model."""

from __future__ import annotations

import asyncio
import json

import aiohttp
import numpy as np
import pytest

from backend.audio import from_float
from backend.client.connection import AudioFrame
from backend.client.evaluation.corpus import Item, Room
from backend.client.evaluation.evaluation import Plan, evaluate
from backend.client.evaluation.loudspeaker import PREBUFFER, Loudspeaker
from backend.client.evaluation.person import observe
from backend.client.evaluation.scripted_llm import STORY, ScriptedLLM, serve_llm
from tests.client.scripted_server import Script, scripted_server, tone

TICK = 320
REQUEST = {"model": "any", "stream": True, "messages": [{"role": "user", "content": "hi"}]}


def frame(first_sample: int, value: float, samples: int = TICK, turn: int = 1) -> AudioFrame:
    return AudioFrame(turn, 0, 0, 0, first_sample, 0, from_float(np.full(samples, value, np.float32)))


def playing(*frames: AudioFrame) -> Loudspeaker:
    """A loudspeaker that has filled its buffer and is about to sound."""
    loudspeaker = Loudspeaker()
    for each in frames:
        loudspeaker.feed(each)
    for _ in range(PREBUFFER):
        assert not loudspeaker.pull(TICK).any()
    return loudspeaker


def test_what_is_played_is_what_was_received():
    """The echo is made of the samples that sound, and the position says which these are."""
    loudspeaker = playing(frame(0, 0.25, 480), frame(480, 0.5, 480))
    heard = np.concatenate([loudspeaker.pull(TICK) for _ in range(4)])
    assert heard[:480] == pytest.approx(0.25, abs=1e-3)
    assert heard[480:960] == pytest.approx(0.5, abs=1e-3)
    assert not heard[960:].any()
    assert (loudspeaker.position, loudspeaker.heard) == ((0, 960), 960)


def test_a_hold_keeps_what_is_waiting():
    """A duck to nothing is no loss: after it the reply goes on with the very next sample."""
    loudspeaker = playing(frame(0, 0.25), frame(TICK, 0.5))
    loudspeaker.pull(TICK)
    loudspeaker.duck(0)
    assert not loudspeaker.pull(TICK).any()
    assert loudspeaker.position == (0, TICK)
    loudspeaker.unduck()
    assert loudspeaker.pull(TICK) == pytest.approx(0.5, abs=1e-3)


def test_a_duck_is_quieter_and_goes_on():
    """A reply that is only ducked is still heard, and counts as heard."""
    loudspeaker = playing(frame(0, 0.5))
    loudspeaker.duck(0.5)
    assert loudspeaker.pull(TICK) == pytest.approx(0.25, abs=1e-3)
    assert loudspeaker.position == (0, TICK)


def test_a_turn_that_was_stopped_stays_silent():
    """Frames of an interrupted turn that are still under way are not played; the next turn is."""
    loudspeaker = playing(frame(0, 0.5))
    loudspeaker.stop(1)
    loudspeaker.feed(frame(TICK, 0.5))
    assert not np.concatenate([loudspeaker.pull(TICK) for _ in range(PREBUFFER + 2)]).any()
    loudspeaker.feed(frame(0, 0.5, turn=2))
    assert np.concatenate([loudspeaker.pull(TICK) for _ in range(PREBUFFER + 2)]).any()


async def test_a_sentence_is_spoken_and_its_turn_written_down():
    """A session sends the speech in real time and records the events with the person's own times."""
    item = Item(1, "finished", "clean", ("hello",), tone(0.2, 16_000))
    async with scripted_server(Script(waits_for_listener=False)) as server:
        seen = await observe(server.url, item, "high")
        assert server.of("session.configure") == [
            {"type": "session.configure", "output_rate": 16_000, "turn": {"eagerness": "high"}}
        ]
    assert seen.problem is None
    assert seen.spoken is not None
    kinds = [moment.event["type"] for moment in seen.moments]
    assert kinds.index("speech.started") < kinds.index("speech.stopped") < kinds.index("turn.started")
    started = next(moment.at_s for moment in seen.moments if moment.event["type"] == "speech.started")
    assert seen.spoken.began_s <= started <= seen.spoken.ended_s


async def test_a_person_speaks_into_a_reply():
    """A barge-in waits until the reply has been heard for a while, and the cut is in the record."""
    item = Item(1, "barge_ins", "clean", ("stop",), tone(0.2, 16_000))
    async with scripted_server(Script(tone_s=5.0)) as server:
        seen = await observe(server.url, item, "medium")
        heard = max(position["samples"] for position in server.of("playback.position") if position["turn"] == 1)
    assert seen.spoken is not None
    assert 1.5 * 16_000 <= heard < 5.0 * 16_000
    assert any(moment.event.get("outcome") == "interrupted" for moment in seen.moments)


async def test_the_echo_reaches_the_microphone():
    """With an echo the server hears its own voice, although nobody speaks."""
    item = Item(1, "echo", "echo -10 dB", ("",), b"", room=Room(echo_gain=0.3, echo_delay=1600))
    async with scripted_server(Script(tone_s=5.0)) as server:
        seen = await observe(server.url, item, "medium")
    assert seen.spoken is None
    assert any(moment.event["type"] == "speech.started" for moment in seen.moments)


async def test_a_server_that_is_not_there_is_a_problem_of_the_item():
    """One session that cannot connect does not end the run."""
    item = Item(1, "finished", "clean", ("hello",), tone(0.1, 16_000))
    (seen,) = await evaluate([item], Plan(["ws://127.0.0.1:1/ws"], 1, "medium"), lambda _: None)
    assert "no server listens there" in seen.problem


async def test_the_scripted_model_streams_its_story():
    """An OpenAI client gets the whole story in pieces, and a proper end."""
    llm = ScriptedLLM(tokens_per_s=100_000)
    async with (
        serve_llm(llm) as url,
        aiohttp.ClientSession() as http,
        http.post(f"{url}/chat/completions", json=REQUEST) as answer,
    ):
        lines = [line.decode().strip() async for line in answer.content if line.strip()]
    assert lines.pop() == "data: [DONE]"
    chunks = [json.loads(line.removeprefix("data: ")) for line in lines]
    assert "".join(chunk["choices"][0]["delta"]["content"] for chunk in chunks) == STORY
    assert len(chunks) > 100
    assert not llm.left.is_set()


async def test_the_scripted_model_stops_when_its_client_leaves():
    """An interrupted turn leaves no story being told to nobody."""
    llm = ScriptedLLM(tokens_per_s=100)
    async with serve_llm(llm) as url, aiohttp.ClientSession() as http:
        async with http.post(f"{url}/chat/completions", json=REQUEST) as answer:
            await answer.content.readline()
            assert llm.streaming == 1
            answer.close()
        async with asyncio.timeout(10):
            await llm.left.wait()
            await asyncio.sleep(0)
    assert llm.streaming == 0
