"""A speech server that is killed in the middle of a sentence, as a listener and an operator see it."""

from __future__ import annotations

import json
import struct

import httpx2
import pytest
from websockets.asyncio.client import connect

from backend import commands, events
from backend.app import choose_engines, create_app
from backend.events import Outcome
from backend.heard import SpeechRate
from backend.settings import Settings
from tests.openai_server import serve_app, serve_openai
from tests.scripted import CHARACTER_S, RATE_HZ, ScriptedLanguageModel, ScriptedTextToSpeech
from tests.sessions import MARA, open_session
from tests.speech_servers import ScriptedServer, engine_of, idle, silences, speech_of

SENTENCES = (
    "The harbour is quiet tonight and the tide turns at four in the morning when nobody else here is awake.",
    "Then the boats go out again.",
)


async def listened(tts) -> tuple[bytes, list[float], events.TurnDone]:
    """What somebody hears of a reply of `SENTENCES`, the silences in it, and how the turn ended."""
    llm = ScriptedLanguageModel(" ".join(SENTENCES))
    async with open_session(llm=llm, tts=tts, cast=(MARA,)) as (session, listener, _):
        await session.receive(commands.Say("Well?"))
        over = await listener.until(events.TurnDone)
        frames = listener.timed(events.AudioFrame)
        assert not listener.of(events.ErrorRaised)
        pcm = b"".join(frame.pcm for _, frame in frames)
        return pcm, silences([(at, len(frame.pcm) / 2 / RATE_HZ) for at, frame in frames]), over


@pytest.mark.virtual_time
@pytest.mark.parametrize("how", ["dies_at", "stalls_at"])
@pytest.mark.parametrize("at", [0.1, 0.8, 2.0, 3.5])
async def test_the_sentence_is_finished_by_the_other_without_a_silence(how, at):
    """With servers that speak three times faster than one listens, whenever one breaks: every sample is heard once, and
    nowhere is it quiet for a second."""
    servers = ScriptedServer("one", first_s=0.2, factor=0.33), ScriptedServer("two", first_s=0.2, factor=0.33)
    async with engine_of(*servers) as tts:
        first = tts.servers.choose(MARA.voice, None, (), up_only=False)
        setattr(first, how, at)
        pcm, quiet, over = await listened(tts)
        assert pcm == b"".join(speech_of(sentence) for sentence in SENTENCES)
        assert max(quiet) < 1.0
        assert over.outcome is Outcome.COMPLETED
        assert list(tts.servers.failovers.values()) == [1]
        assert idle(tts)


@pytest.mark.virtual_time
@pytest.mark.parametrize("how", ["dies_at", "stalls_at"])
@pytest.mark.parametrize("at", [0.1, 0.8, 2.0, 3.5])
@pytest.mark.parametrize("factor", [0.7, 0.95])
async def test_servers_hardly_faster_than_speech_leave_no_silence_either(factor, how, at):
    """They would take too long to say again what was heard: the other one is asked for the rest of the words, of which
    one or two may be heard twice, and none is left out."""
    servers = (ScriptedServer("one", first_s=0.2, factor=factor), ScriptedServer("two", first_s=0.2, factor=factor))
    async with engine_of(*servers) as tts:
        first, second = sorted(
            servers, key=lambda server: server is not tts.servers.choose(MARA.voice, None, (), up_only=False)
        )
        tts.rate = SpeechRate(1 / CHARACTER_S)
        setattr(first, how, at)
        pcm, quiet, over = await listened(tts)
        assert max(quiet) < 1.0
        assert over.outcome is Outcome.COMPLETED
        rest, following = (request["input"] for request in second.asked)
        assert SENTENCES[0].endswith(rest)
        assert following == SENTENCES[1]
        assert pcm.endswith(speech_of(following))
        heard_twice_s = len(pcm) / 2 / RATE_HZ - sum(len(sentence) for sentence in SENTENCES) * CHARACTER_S
        assert -0.01 <= heard_twice_s <= 0.6
        assert idle(tts)


@pytest.mark.virtual_time
async def test_the_reply_goes_on_in_another_voice_when_no_server_is_left():
    """Where that is wanted: the rest of the sentence and the next one are heard as well."""
    server, offline = ScriptedServer("one"), ScriptedTextToSpeech()
    server.dies_at = 1.5
    async with engine_of(server, fallback=offline) as tts:
        pcm, quiet, over = await listened(tts)
        assert over.outcome is Outcome.COMPLETED
        assert max(quiet) < 1.0
        rest, following = (text for _, text in offline.spoken)
        assert SENTENCES[0].endswith(rest)
        assert following == SENTENCES[1]
        assert len(pcm) / 2 == (1.5 + (len(rest) + len(following)) * CHARACTER_S) * RATE_HZ


async def test_operators_see_it():
    """Over real sockets: one of two servers is killed while it speaks. The reply is completed, whole, and the figures
    say which server was left for which; the other one goes on alone."""
    async with serve_openai(chunk_s=0.02) as one, serve_openai(chunk_s=0.02) as two:
        settings = Settings(stt="offline", llm="offline", tts_base_url=f"{one.base_url},{two.base_url}")
        engines = choose_engines(settings)
        app = create_app(settings, engines)
        async with serve_app(app) as (port, _), connect(f"ws://127.0.0.1:{port}/ws", max_size=None) as socket:
            samples, spoken, killed = 0, {}, None
            await socket.send(json.dumps({"type": "user.text", "text": "Nora, how was your day?"}))
            while True:
                message = await socket.recv()
                if isinstance(message, bytes):
                    _, _, reply, _, _, turn, first = struct.unpack("<BBHHHII", message[:16])
                    assert first == samples
                    samples += (len(message) - 16) // 2
                    heard = {"type": "playback.position", "turn": turn, "reply": reply, "samples": samples}
                    await socket.send(json.dumps(heard))
                    if killed is None:
                        killed, left = (one, two) if one.requests else (two, one)
                        killed.server.stop()
                        killed.abort_connections()
                    continue
                event = json.loads(message)
                spoken[event["type"]] = event
                assert event["type"] != "error"
                if event["type"] == "turn.done":
                    break
            assert spoken["reply.done"]["outcome"] == "completed"
            assert spoken["reply.done"]["heard_text"] == spoken["reply.done"]["text"]
            texts = dict.fromkeys(body["input"] for _, body in (*killed.requests, *left.requests))
            assert samples == sum(int(len(text) * CHARACTER_S * RATE_HZ) for text in texts)
            async with httpx2.AsyncClient() as client:
                figures = (await client.get(f"http://127.0.0.1:{port}/metrics")).text
                health = (await client.get(f"http://127.0.0.1:{port}/health")).json()
            here, there = killed.base_url, left.base_url
            assert f'voicechat_tts_failovers_total{{at="middle",from="{here}",to="{there}"}} 1.0' in figures
            assert f'voicechat_tts_finished_elsewhere_total{{by="{there}",from="{here}"}} 1.0' in figures
            assert f'voicechat_tts_last_failure_timestamp_seconds{{server="{here}"}}' in figures
            assert f'voicechat_tts_server_up{{server="{here}"}} 0.0' in figures
            assert f'voicechat_tts_server_up{{server="{there}"}} 1.0' in figures
            assert f'voicechat_tts_in_flight{{server="{there}"}} 0.0' in figures
            assert health["engines"]["tts"]["detail"].endswith(f"not answering: {here}")
            await left.all_closed()
