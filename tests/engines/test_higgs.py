"""The Higgs voice, on a tiny checkpoint with random weights: it speaks gibberish, by the real code."""

from __future__ import annotations

import asyncio
import json
import struct
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from openai import AsyncOpenAI
from websockets.asyncio.client import connect

from backend.app import choose_engines, create_app
from backend.audio import wav_bytes
from backend.engines import higgs
from backend.engines.higgs import HiggsTextToSpeech
from backend.engines.interfaces import Manner, Recording
from backend.errors import ConfigurationError, EngineError, MissingExtra, RequestRefused
from backend.settings import Settings
from boson_multimodal.voice_presets import QUIET_ROOM
from tests.engines import contract
from tests.openai_server import serve_app
from tests.scripted import ScriptedSpeechToText

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from websockets.asyncio.client import ClientConnection

SAID = "we are going to the beach this afternoon because my brother works in a large hospital"
TEXT = "A sentence that is long enough to be interrupted in its midst, as people do."


@pytest.fixture
async def tts(checkpoint: str) -> AsyncIterator[HiggsTextToSpeech]:
    async with HiggsTextToSpeech(checkpoint, None, "cpu") as engine:
        yield engine


@pytest.mark.parametrize("check", contract.CHECKS)
async def test_keeps_the_contract(tts: HiggsTextToSpeech, check) -> None:
    """The Higgs voice behaves as every engine must: when a stream is closed, its slot is free."""
    await check(contract.speaking(tts, TEXT, idle=lambda: not tts.active_slots))


async def test_voices_differ_and_stay(tts: HiggsTextToSpeech) -> None:
    """Two characters sound different, and a name means the same voice every time."""

    async def speech(voice: str) -> bytes:
        return b"".join([piece.pcm for piece in await contract.drain(tts.open_voice(voice).stream("Hello there."))])

    first, second = tts.voices[:2]
    assert await speech(first) == await speech(first)
    assert await speech(first) != await speech(second)
    assert await speech("nova") == await speech("nova")
    described = "masculine;very low pitch;slow pace"
    assert await speech(described) == await speech(described)
    assert await speech(described) not in {await speech(name) for name in tts.voices}


async def test_an_engine_that_is_not_running_says_so(checkpoint: str) -> None:
    """Speaking before the engine was started fails the turn with a reason."""
    with pytest.raises(EngineError, match="not running"):
        await contract.drain(HiggsTextToSpeech(checkpoint, None, "cpu").open_voice("nova").stream("Hello."))


async def test_a_folder_without_a_model_stops_the_server(tmp_path: Path, checkpoint: str) -> None:
    """A wrong folder is an error at the start that names it, not one in every turn."""
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "llama"}))
    with pytest.raises(ConfigurationError, match=str(tmp_path)):
        async with HiggsTextToSpeech(str(tmp_path), f"{checkpoint}/codec", "cpu"):
            pass


def test_missing_packages_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without torch the engine says which install command brings it."""
    monkeypatch.setattr(higgs.importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(MissingExtra, match=r"pip install -e '\.\[higgs\]'"):
        HiggsTextToSpeech(None, None, "cpu")


async def test_the_whole_loop_speaks_with_it(checkpoint: str) -> None:
    """Over a real socket: two characters answer in contexts of their own, and an interrupt frees the slot."""
    settings = Settings(stt="offline", llm="offline", tts="higgs", tts_model=checkpoint, device="cpu")
    engines = replace(choose_engines(settings), stt=ScriptedSpeechToText())
    app, tts = create_app(settings, engines), engines.tts
    async with serve_app(app) as (port, _), connect(f"ws://127.0.0.1:{port}/ws", max_size=None) as socket:
        await socket.send(json.dumps({"type": "user.text", "text": "Nora and Oscar, how was your day?"}))
        speakers: list[str] = []
        frames: dict[int, int] = {}
        interrupted = False
        outcome = None
        while outcome is None:
            message = await asyncio.wait_for(socket.recv(), 120)
            if isinstance(message, bytes):
                _, _, reply, _, _, turn, first = struct.unpack("<BBHHHII", message[:16])
                frames[reply] = frames.get(reply, 0) + 1
                heard = {"turn": turn, "reply": reply, "samples": first + (len(message) - 16) // 2}
                await socket.send(json.dumps({"type": "playback.position", **heard}))
                if reply == 1 and not interrupted:
                    interrupted = True
                    await socket.send(json.dumps({"type": "interrupt"}))
                continue
            event = json.loads(message)
            if event["type"] == "reply.started":
                speakers.append(event["character_id"])
            if event["type"] == "turn.done":
                outcome = event["outcome"]
        assert speakers == ["nora", "oscar"]
        assert set(frames) == {0, 1}
        assert outcome == "interrupted"
        assert tts.active_slots == 0


async def test_a_manner_reaches_the_model(tts: HiggsTextToSpeech) -> None:
    """Seed, sampling, description and a recording to imitate each change what is drawn; the same ones do not."""

    async def speech(**manner: object) -> bytes:
        voice = tts.open_voice("nova", Manner(**manner))
        return b"".join([piece.pcm for piece in await contract.drain(voice.stream("Hello there."))])

    recording = Recording(wav_bytes(bytes(2 * 24_000), 24_000), "Nothing.")
    manners = (
        {"seed": 7},
        {"seed": 8},
        {"seed": 7, "temperature": 0.0},
        {"seed": 7, "speaker_description": "feminine;high pitch"},
        {"seed": 7, "instructions": "In a cave."},
        {"seed": 7, "recording": recording},
    )
    spoken = [await speech(**manner) for manner in manners]
    assert len(set(spoken)) == len(manners)
    assert [await speech(**manner) for manner in manners] == spoken
    with pytest.raises(EngineError, match="audio"):
        await speech(recording=Recording(b"no audio", ""))


async def test_what_is_too_long_for_the_model_is_the_clients_to_mend(tts: HiggsTextToSpeech) -> None:
    """A scene that fills the model's memory is refused with the reason, and the engine goes on."""
    voice = tts.open_voice("nova", Manner(scene_prompt="A very long hall. " * 3000))
    with pytest.raises(RequestRefused, match="positions") as refused:
        await anext(voice.stream("Hello."))
    assert refused.value.status == 400
    assert await anext(tts.open_voice("nova").stream("Hello."))


async def test_an_added_voice_is_spoken_with_everywhere(checkpoint: str) -> None:
    """Over a real socket: what the official client uploads is imitated in a text that is read out and in a turn, and
    goes on in the turn when it is deleted."""
    app = create_app(Settings(stt="offline", llm="offline", tts="higgs", tts_model=checkpoint, device="cpu"))
    sample = wav_bytes(await contract.spoken(SAID), 16_000)
    async with AsyncExitStack() as stack:
        port, _ = await stack.enter_async_context(serve_app(app))
        url = f"http://127.0.0.1:{port}/v1"
        client = await stack.enter_async_context(AsyncOpenAI(base_url=url, api_key="x", max_retries=0))

        async def speech(voice: str) -> bytes:
            asked = {"model": "any", "voice": voice, "input": "Hello.", "response_format": "pcm"}
            return (await client.audio.speech.create(**asked, extra_body={"seed": 7})).content

        added = await client.audio.voices.create(name="Ada", audio_sample=("ada.wav", sample), consent="yes")
        described = await client.audio.voices.create(name="Bob", type="prompt", prompt="masculine;low pitch")
        spoken = [await speech(voice) for voice in (added.id, described.id, "nova")]
        assert len(set(spoken)) == 3
        assert await speech(added.id) == spoken[0]
        library = app.state.server.voices
        kept = await library.find(added.id)
        assert len(set(kept.transcript.split()) & set(SAID.split())) >= 8
        async with connect(f"ws://127.0.0.1:{port}/ws", max_size=None) as socket:
            cast = [{"id": "ada", "name": "Ada", "voice": added.id}]
            await socket.send(json.dumps({"type": "session.configure", "characters": cast}))
            for line in ("Hello Ada.", "Are you still there?"):
                await socket.send(json.dumps({"type": "user.text", "text": line}))
                assert await frames_of_a_turn(socket)
                await library.delete(added.id)


async def frames_of_a_turn(socket: ClientConnection) -> int:
    """How many frames of audio a turn has; it is heard as fast as it comes, and must complete."""
    frames = 0
    while True:
        message = await asyncio.wait_for(socket.recv(), 120)
        if isinstance(message, bytes):
            frames += 1
            _, _, reply, _, _, turn, first = struct.unpack("<BBHHHII", message[:16])
            heard = {"turn": turn, "reply": reply, "samples": first + (len(message) - 16) // 2}
            await socket.send(json.dumps({"type": "playback.position", **heard}))
        elif (event := json.loads(message))["type"] == "turn.done":
            assert event["outcome"] == "completed"
            return frames


def test_a_sound_of_its_own_has_no_borrowed_scene(checkpoint: str) -> None:
    """What is described or imitated is in a quiet room unless a scene is asked for, whatever its name is dealt."""
    engine = HiggsTextToSpeech(checkpoint, None, "cpu")
    manners = (Manner(recording=Recording(b"")), Manner(speaker_description="old"))
    scenes = {engine.open_voice(f"voice_{n}", manner)._preset.scene_prompt for manner in manners for n in range(40)}
    assert scenes == {QUIET_ROOM}
    assert engine.open_voice("host", manners[1])._preset.scene_prompt != QUIET_ROOM
