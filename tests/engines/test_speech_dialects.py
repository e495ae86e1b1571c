"""What servers of each kind are asked, to the field."""

from __future__ import annotations

import base64
from dataclasses import replace

import httpx2
import pytest

from backend.app import create_app
from backend.audio import read_wav, seconds
from backend.engines.interfaces import Manner, Recording
from backend.engines.openai_speech import OpenAITextToSpeech
from backend.engines.speech_dialects import DIALECTS
from backend.settings import Settings
from tests.engines import contract
from tests.openai_server import serve_app, serve_openai
from tests.routes.test_voices import recording

WAV = Recording(b"RIFF\x24\x00\x00\x00WAVE", "Ahoy.")
WAV_URI = "data:audio/wav;base64," + base64.b64encode(WAV.audio).decode()

EVERYTHING = Manner(
    seed=7,
    temperature=0.5,
    top_p=0.9,
    top_k=20,
    ras_window_length=7,
    ras_max_num_repeat=2,
    scene_prompt="On a ship.",
    speaker_description="An old sailor.",
    instructions="Whisper.",
    recording=WAV,
)
COMMON = {"model": "m", "input": "Hello.", "response_format": "pcm"}
RAW = {"stream": True, "stream_format": "audio"}
HOW = "An old sailor. On a ship. Whisper."

ASKED = {
    "openai": (
        {"voice": "nova"},
        {
            "voice": "nova",
            "seed": 7,
            "temperature": 0.5,
            "top_p": 0.9,
            "top_k": 20,
            "ras_window_length": 7,
            "ras_max_num_repeat": 2,
            "scene_prompt": "On a ship.",
            "speaker_description": "An old sailor.",
            "instructions": "Whisper.",
        },
    ),
    "vllm-omni": (
        {"voice": "nova", **RAW},
        {
            "ref_audio": WAV_URI,
            "ref_text": "Ahoy.",
            "instructions": HOW,
            "seed": 7,
            "extra_params": {"temperature": 0.5, "top_p": 0.9, "top_k": 20},
            **RAW,
        },
    ),
    "sglang-omni": (
        {"voice": "nova", **RAW},
        {
            "voice": "default",
            "ref_audio": WAV_URI,
            "ref_text": "Ahoy.",
            "instructions": HOW,
            "seed": 7,
            "temperature": 0.5,
            "top_p": 0.9,
            "top_k": 20,
            **RAW,
        },
    ),
    "boson": ({"voice": "nova"}, {"voice": "nova", "temperature": 0.5, "top_p": 0.9, "top_k": 20}),
}
UNCLONED = replace(EVERYTHING, recording=None)
"""Of each dialect: for a voice as it is, and for everything that can be asked of one."""


@pytest.mark.parametrize("name", DIALECTS)
async def test_the_request_is_exactly_this(name):
    """Nothing else is sent: servers refuse what they do not know, or, worse, answer in another form."""
    plain, everything = ASKED[name]
    async with (
        serve_openai() as server,
        OpenAITextToSpeech(base_url=server.base_url, api_key=None, model="m", dialect=name) as engine,
    ):
        for manner in (Manner(), UNCLONED if name == "boson" else EVERYTHING):
            await contract.drain(engine.open_voice("nova", manner).stream("Hello."))
        assert [body for _, body in server.requests] == [{**COMMON, **plain}, {**COMMON, **everything}]
        assert engine.clones_voices == ("ref_audio" in everything or name == "boson")


def spoken_chunk(*samples: int, **more: object) -> dict:
    """As boson's server streams sound: other fields of it say nothing."""
    data = base64.b64encode(b"".join(sample.to_bytes(2, "little") for sample in samples)).decode()
    audio = {"id": "audio-1", "data": data, "expires_at": 0, "transcript": ""}
    return {"choices": [{"index": 0, "delta": {"audio": audio}, "finish_reason": None}], **more}


WRITTEN = {"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}]}


async def test_bosons_server_imitates_by_chat_completions():
    """As its own example does: the one who is imitated has said the recording before. What comes is speech."""
    chunks = [WRITTEN, spoken_chunk(1, 2), spoken_chunk(3), {"choices": [], "usage": {}}]
    async with (
        serve_openai(chunks=chunks) as server,
        OpenAITextToSpeech(base_url=server.base_url, api_key=None, model="m", dialect="boson") as engine,
    ):
        for manner in (Manner(recording=WAV), EVERYTHING):
            pieces = await contract.drain(engine.open_voice("nova", manner).stream("Hello."))
            assert b"".join(piece.pcm for piece in pieces) == b"\1\0\2\0\3\0"
    (kind, plain), (_, everything) = server.requests
    assert kind == "chat"
    sound = {"type": "input_audio", "input_audio": {"data": WAV_URI.partition(",")[2], "format": "wav"}}
    messages = [
        {"role": "system", "content": "Convert text to speech with the same voice."},
        {"role": "user", "content": "Ahoy."},
        {"role": "assistant", "content": [sound]},
        {"role": "user", "content": "Hello."},
    ]
    common = {
        "model": "m",
        "messages": messages,
        "modalities": ["text", "audio"],
        "stream": True,
        "stop": ["<|eot_id|>", "<|end_of_text|>", "<|audio_eos|>"],
    }
    assert plain == {**common, "temperature": 1.0, "top_p": 0.95, "top_k": 50}
    scene = (
        "Generate audio following instruction.\n\n<|scene_desc_start|>\nAn old sailor. On a ship.\n<|scene_desc_end|>"
    )
    messages[0] = {"role": "system", "content": scene}
    assert everything == {**common, "temperature": 0.5, "top_p": 0.9, "top_k": 20, "seed": 7}


@pytest.mark.parametrize(
    ("chunks", "why"),
    [
        ([WRITTEN], "no sound"),
        ([spoken_chunk(1), {"error": {"message": "out of memory"}}], "out of memory"),
        ([{"choices": [{"delta": {"audio": {"data": "!"}}}]}], "not base64"),
    ],
)
async def test_events_without_speech_are_a_failure(chunks, why):
    """A server that writes instead of speaking, one that fails on the way, and one that sends something else."""
    async with (
        serve_openai(chunks=chunks) as server,
        OpenAITextToSpeech(base_url=server.base_url, api_key=None, model="m", dialect="boson") as engine,
    ):
        error = await contract.fails_with("tts", engine.open_voice("nova", Manner(recording=WAV)).stream("Hello."))
        assert why in str(error)


@pytest.mark.parametrize(
    ("audio", "kind"),
    [(b"OggS", "audio/ogg"), (b"fLaC", "audio/flac"), (b"ID3", "audio/mpeg"), (b"\xff\xfb", "audio/mpeg")],
)
def test_a_recording_is_named_for_what_it_is(audio, kind):
    """Recordings may come in any common format."""
    for name in ("vllm-omni", "sglang-omni"):
        asked = DIALECTS[name].fields("nova", Manner(recording=Recording(audio)))
        assert asked["ref_audio"] == f"data:{kind};base64,{base64.b64encode(audio).decode()}"
        assert "ref_text" not in asked


def test_every_dialect_can_be_set():
    """And no other."""
    for name in DIALECTS:
        assert Settings(tts_dialect=name).tts_dialect == name
    with pytest.raises(ValueError, match="tts_dialect"):
        Settings(tts_dialect="klingon")


async def test_a_cloned_voice_is_spoken_by_the_server():
    """From door to door: a recording that comes with a request, and one that was added as a voice, reach the server
    that imitates them."""
    ada = recording()
    uri = "data:audio/wav;base64," + base64.b64encode(ada).decode()
    async with serve_openai() as server:
        settings = Settings(
            stt="offline", llm="offline", tts_base_url=server.base_url, tts_model="m", tts_dialect="vllm-omni"
        )
        async with (
            serve_app(create_app(settings)) as (port, _),
            httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}/v1/audio", timeout=30) as client,
        ):
            asked = {"model": "tts-1", "input": "Hello.", "voice": "nova", "response_format": "pcm"}
            answer = await client.post("/speech", json={**asked, "ref_audio": uri, "ref_text": "Ahoy."})
            assert answer.status_code == 200
            added = await client.post(
                "/voices", data={"name": "Ada", "ref_text": "Ahoy."}, files={"audio_sample": ("ada.wav", ada)}
            )
            voice = added.json()["id"]
            assert (await client.post("/speech", json={**asked, "voice": voice})).status_code == 200
    (_, first), (_, second) = server.requests
    for request in (first, second):
        assert request["ref_text"] == "Ahoy."
        assert "voice" not in request
        kept = base64.b64decode(request["ref_audio"].removeprefix("data:audio/wav;base64,"))
        assert seconds(read_wav(kept, 24_000), 24_000) > 4.0
