"""The Step-Audio 2 voice: a scripted server writes the codes, a tiny checkpoint makes gibberish of them by the real
code."""

from __future__ import annotations

import asyncio
import json
import shutil
import struct
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from openai import AsyncOpenAI
from websockets.asyncio.client import connect

from backend.app import choose_engines, create_app
from backend.engines import step_audio2
from backend.engines.interfaces import Manner, Recording
from backend.engines.step_audio2 import StepAudio2TextToSpeech
from backend.errors import ConfigurationError, EngineError, MissingExtra
from backend.settings import Settings
from boson_multimodal.tiny_step_audio2 import write_tiny_step_audio2
from tests.boson_multimodal.step_server import STOP, codes, content, serve_step, spoken
from tests.engines import contract
from tests.openai_server import serve_app
from tests.scripted import ScriptedSpeechToText

TEXT = "A sentence that is long enough to be interrupted in its midst, as people do."
COUNT = 80
SPEECH = [content(f"word {codes(*range(at, at + 4))}") for at in range(0, COUNT, 4)]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """A tiny checkpoint and its voices."""
    return write_tiny_step_audio2(tmp_path_factory.mktemp("step"))


def serving(checkpoint, server):
    """(settings, engines) of a server that reads out with the language model on `server`."""
    settings = Settings(
        **{"stt": "offline", "llm": "offline", "tts": "step-audio2", "device": "cpu"},
        tts_base_url=server.base_url,
        tts_codec=str(checkpoint.checkpoint),
        tts_voices=checkpoint.voices,
    )
    return settings, replace(choose_engines(settings), stt=ScriptedSpeechToText())


@asynccontextmanager
async def running(checkpoint, *script, **settings):
    """The engine, and the server that writes `script` for it."""
    async with serve_step(*(script or (*SPEECH, STOP)), **settings) as server:
        tts = StepAudio2TextToSpeech(
            base_url=server.base_url,
            api_key=None,
            model=None,
            token2wav=str(checkpoint.token2wav),
            recordings=checkpoint.voices,
            device="cpu",
        )
        async with tts:
            yield tts, server


async def speech(tts, text="Hello there.", voice="anna", **manner) -> bytes:
    """What a new voice says."""
    return b"".join([piece.pcm for piece in await contract.drain(tts.open_voice(voice, Manner(**manner)).stream(text))])


@pytest.mark.parametrize("check", contract.CHECKS)
async def test_keeps_the_contract(checkpoint, check):
    """It behaves as every engine must: when a stream is closed, no utterance is open, and neither is a request."""
    async with running(checkpoint) as (tts, server):
        await check(contract.speaking(tts, TEXT, idle=lambda: not tts.speaking))
        await server.all_closed()


async def test_a_text_is_read_out_in_the_voice_asked_for(checkpoint):
    """Every code is 40 ms; the server is asked to read, with `<tts_start>` to go on from; voices differ and stay."""
    async with running(checkpoint) as (tts, server):
        anna = await speech(tts)
        assert len(anna) == COUNT * 960 * 2
        assert await speech(tts) == anna
        assert await speech(tts, voice="bert") != anna
        assert await speech(tts, voice="nobody") == await speech(tts, voice="nobody")
        path, asked = server.requests[0]
        assert path == "/v1/chat/completions"
        assert asked["messages"][-1] == {"role": "assistant", "content": "<tts_start>"}
        assert asked["messages"][-2]["content"].endswith("Hello there.")
        assert asked["model"] == "step-audio-2-mini"


async def test_both_forms_of_the_servers_answer_sound_the_same(checkpoint):
    """Whether the server tells words and codes apart or not, the same codes are heard."""
    async with running(checkpoint) as (tts, _):
        raw = await speech(tts)
    structured = [spoken("word ", codes(*range(at, at + 4))) for at in range(0, COUNT, 4)]
    async with running(checkpoint, *structured, STOP) as (tts, _):
        assert await speech(tts) == raw


async def test_the_manner_reaches_server_and_voice(checkpoint):
    """Seed and sampling go along, instructions become the system message, a recording is imitated."""
    async with running(checkpoint) as (tts, server):
        usual = await speech(tts)
        assert await speech(tts, seed=7) != usual
        await speech(tts, seed=7, temperature=0.2, top_p=0.5, instructions="In a whisper.")
        asked = server.requests[-1][1]
        assert (asked["seed"], asked["temperature"], asked["top_p"]) == (7, 0.2, 0.5)
        assert asked["messages"][0] == {"role": "system", "content": "In a whisper."}
        hum = Recording((checkpoint.voices / "bert.wav").read_bytes())
        assert await speech(tts, recording=hum) == await speech(tts, voice="bert")
        with pytest.raises(EngineError, match="audio"):
            await speech(tts, recording=Recording(b"no audio"))
        assert tts.speaking == 0


async def test_the_first_sound_comes_before_the_server_has_finished(checkpoint):
    """Nobody waits for the end of a sentence that is still being written; closing closes the request."""
    rest = asyncio.Event()
    async with running(checkpoint, *SPEECH[:10], rest, *SPEECH[10:], STOP) as (tts, server):
        stream = tts.open_voice("anna").stream("Hello there.")
        assert (await anext(stream)).pcm
        assert server.opened == 1
        assert server.finished == 0
        await stream.aclose()
        await server.all_closed()
        assert server.broken_off == 1
        assert tts.speaking == 0


@pytest.mark.parametrize(
    ("script", "settings", "says"),
    [
        ((content("I would rather not."), STOP), {}, "I would rather not"),
        ((content(codes(7000, 7001)), STOP), {}, "failed"),
        ((), {"status": 500}, "500"),
    ],
)
async def test_what_goes_wrong_fails_the_sentence_with_a_reason(checkpoint, script, settings, says):
    """A model that does not read, one that writes codes that are none, a server that fails: and then it goes on."""
    async with running(checkpoint, *script, **settings) as (tts, server):
        with pytest.raises(EngineError, match=says):
            await speech(tts)
        server.script, server.status = [*SPEECH, STOP], 200
        assert await speech(tts)
        assert tts.speaking == 0


async def test_the_whole_loop_speaks_with_it(checkpoint):
    """Over a real socket: two characters answer in voices of their own, and an interrupt closes the request."""
    async with serve_step(*SPEECH, STOP) as server:
        settings, engines = serving(checkpoint, server)
        speakers, frames, outcome = [], set(), None
        async with (
            serve_app(create_app(settings, engines)) as (port, _),
            connect(f"ws://127.0.0.1:{port}/ws", max_size=None) as socket,
        ):
            await socket.send(json.dumps({"type": "user.text", "text": "Nora and Oscar, how was your day?"}))
            while outcome is None:
                message = await asyncio.wait_for(socket.recv(), 120)
                if isinstance(message, bytes):
                    _, _, reply, _, _, turn, first = struct.unpack("<BBHHHII", message[:16])
                    heard = {"turn": turn, "reply": reply, "samples": first + (len(message) - 16) // 2}
                    await socket.send(json.dumps({"type": "playback.position", **heard}))
                    if reply == 1 and reply not in frames:
                        await socket.send(json.dumps({"type": "interrupt"}))
                    frames.add(reply)
                    continue
                event = json.loads(message)
                if event["type"] == "reply.started":
                    speakers.append(event["character_id"])
                if event["type"] == "turn.done":
                    outcome = event["outcome"]
            await server.all_closed()
            assert speakers == ["nora", "oscar"]
            assert frames == {0, 1}
            assert outcome == "interrupted"
            assert engines.tts.speaking == 0


async def test_the_speech_door_reads_out_with_it(checkpoint):
    """The official client is read to in a voice by its name, and is told which there are."""
    async with (
        serve_step(*SPEECH, STOP) as server,
        serve_app(create_app(*serving(checkpoint, server))) as (port, _),
        AsyncOpenAI(base_url=f"http://127.0.0.1:{port}/v1", api_key="x", max_retries=0) as client,
    ):
        asked = {"model": "any", "input": "Hello.", "response_format": "pcm", "voice": "bert"}
        read = (await client.audio.speech.create(**asked)).content
        assert len(read) == COUNT * 960 * 2
        voices = await client.get("/audio/voices", cast_to=object)
        assert {"anna", "bert"} <= {voice["voice_id"] for voice in voices["voices"]}


async def test_what_is_missing_is_named_at_the_start(checkpoint, tmp_path, monkeypatch):
    """No recordings, no checkpoint, no packages: one line each, with what to do."""
    settings = {"base_url": "http://127.0.0.1:1/v1", "api_key": None, "model": None, "device": "cpu"}
    with pytest.raises(ConfigurationError, match="holds no recording"):
        StepAudio2TextToSpeech(**settings, token2wav=str(checkpoint.token2wav), recordings=tmp_path)
    with pytest.raises(ConfigurationError, match=r"flow\.yaml"):
        async with StepAudio2TextToSpeech(**settings, token2wav=str(tmp_path), recordings=checkpoint.voices):
            pass
    half = shutil.copytree(checkpoint.token2wav, tmp_path / "half")
    (half / "campplus.onnx").unlink()
    with pytest.raises(ConfigurationError, match=r"campplus\.onnx"):
        async with StepAudio2TextToSpeech(**settings, token2wav=str(half), recordings=checkpoint.voices):
            pass
    monkeypatch.setattr(step_audio2.importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(MissingExtra, match=r"\.\[step-audio2\]"):
        StepAudio2TextToSpeech(**settings, token2wav="", recordings=Path())


async def test_an_engine_that_is_not_running_says_so(checkpoint):
    """Speaking before the engine was started fails the turn with a reason."""
    tts = StepAudio2TextToSpeech(
        base_url="http://127.0.0.1:1/v1",
        api_key=None,
        model=None,
        token2wav=str(checkpoint.token2wav),
        recordings=checkpoint.voices,
        device="cpu",
    )
    with pytest.raises(EngineError, match="not running"):
        await contract.drain(tts.open_voice("anna").stream("Hello."))
