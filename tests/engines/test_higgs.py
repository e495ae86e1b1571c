"""The Higgs voice, on a tiny checkpoint with random weights: it speaks gibberish, by the real code."""

from __future__ import annotations

import asyncio
import json
import struct
from typing import TYPE_CHECKING

import pytest
from websockets.asyncio.client import connect

from backend.app import create_app
from backend.audio import wav_bytes
from backend.engines import higgs
from backend.engines.higgs import HiggsTextToSpeech
from backend.engines.interfaces import Manner, Recording
from backend.errors import ConfigurationError, EngineError, MissingExtra
from backend.settings import Settings
from boson_multimodal.tiny_checkpoint import write_tiny_checkpoint
from tests.engines import contract
from tests.openai_server import serve_app

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

TEXT = "A sentence that is long enough to be interrupted in its midst, as people do."


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("higgs")
    write_tiny_checkpoint(folder)
    return str(folder)


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
    app = create_app(Settings(stt="offline", llm="offline", tts="higgs", tts_model=checkpoint, device="cpu"))
    tts = app.state.server.engines.tts
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
