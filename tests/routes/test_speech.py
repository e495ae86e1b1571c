"""`/v1/audio/speech` over a real socket, with the official client."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import wave
from contextlib import aclosing, asynccontextmanager
from types import SimpleNamespace

import av
import httpx2
import openai
import pytest

from backend.app import create_app
from backend.audio import wav_bytes
from backend.engines.offline_speech import OfflineTextToSpeech
from backend.session_settings import Engines
from backend.settings import Settings
from tests.openai_server import serve_app
from tests.scripted import LoudnessVad, ScriptedLanguageModel, ScriptedSpeechToText, ScriptedTextToSpeech

TEXT = "The sea was quiet that morning. I could hear the bells across the water."
FORMATS = ("mp3", "opus", "aac", "flac", "wav", "pcm")


@asynccontextmanager
async def server(tts=None, **settings):
    """The official client of a server with this voice engine, and the engine."""
    tts = tts or ScriptedTextToSpeech(first_audio_s=0.0, real_time_factor=0.02)
    engines = tts.engines = Engines(ScriptedSpeechToText(), ScriptedLanguageModel(), tts, LoudnessVad())
    async with serve_app(create_app(Settings(**settings), engines)) as (port, _):
        url = f"http://127.0.0.1:{port}/v1"
        key = settings.get("api_key", "any")
        async with openai.AsyncOpenAI(base_url=url, api_key=key, max_retries=0) as client:
            yield client, tts


@asynccontextmanager
async def posting(client):
    """A plain HTTP client for what the official one would not send."""
    async with httpx2.AsyncClient(base_url=str(client.base_url)) as http:
        yield lambda **body: http.post("audio/speech", json={"model": "any", "voice": "alloy", "input": TEXT} | body)


def duration_s(data: bytes, name: str) -> float:
    """How long the encoded audio is, decoded as a player would."""
    if name == "pcm":
        return len(data) / 2 / 24_000
    with av.open(io.BytesIO(data)) as container:
        rate = container.streams.audio[0].rate
        return sum(frame.samples for frame in container.decode(audio=0)) / rate


async def reading(client, name="pcm", **fields):
    """The whole answer."""
    answer = await client.audio.speech.create(model="any", voice="nova", input=TEXT, response_format=name, **fields)
    return answer.content


@pytest.mark.parametrize("name", FORMATS)
async def test_every_format_streamed_and_not(name):
    """What the official client gets is audio of that format at 24 kHz, as long as the voice spoke."""
    async with server(OfflineTextToSpeech()) as (client, _):
        spoken_s = duration_s(await reading(client), "pcm")
        assert spoken_s > 2
        assert duration_s(await reading(client, name), name) == pytest.approx(spoken_s, abs=0.1)
        create = client.audio.speech.with_streaming_response.create
        fields = {"model": "any", "voice": "nova", "input": TEXT, "response_format": name, "stream_format": "audio"}
        async with create(**fields) as answer:
            pieces = [piece async for piece in answer.iter_bytes()]
        assert duration_s(b"".join(pieces), name) == pytest.approx(spoken_s, abs=0.1)


async def test_a_file_says_how_long_it_is():
    """A WAV that is not streamed has an exact header, and its usage in the headers of the answer."""
    async with server() as (client, _):
        answer = await client.audio.speech.with_raw_response.create(
            model="any", voice="nova", input=TEXT, response_format="wav"
        )
        with wave.open(io.BytesIO(answer.content)) as file:
            assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (24_000, 1, 2)
            seconds = file.getnframes() / 24_000
        usage = {
            name: int(answer.headers[f"x-usage-{name}-tokens"]) for name in ("prompt", "completion", "audio", "total")
        }
        assert usage["audio"] == usage["completion"] == -(-seconds * 25 // 1)
        assert usage["total"] == usage["prompt"] + usage["completion"]


async def test_audio_leaves_before_all_of_it_is_made():
    """The first bytes come while the voice is still speaking the first of two sentences."""
    tts = ScriptedTextToSpeech(first_audio_s=0.0, real_time_factor=0.5)
    async with server(tts) as (client, _):
        create = client.audio.speech.with_streaming_response.create
        async with create(model="any", voice="nova", input=TEXT, response_format="mp3") as answer:
            async for _ in answer.iter_bytes():
                assert len(tts.spoken) == 1
                break


async def test_events():
    """With `sse` the audio comes as base64 deltas, and the last event counts what was read and said."""
    async with server() as (client, _), posting(client) as post:
        answer = await post(response_format="pcm", stream_format="sse")
        assert answer.headers["content-type"].startswith("text/event-stream")
        events = [json.loads(line.removeprefix("data: ")) for line in answer.text.split("\n\n") if line]
        assert {event["type"] for event in events[:-1]} == {"speech.audio.delta"}
        audio = b"".join(base64.b64decode(event["audio"]) for event in events[:-1])
        assert audio == await reading(client)
        assert events[-1]["type"] == "speech.audio.done"
        usage = events[-1]["usage"]
        assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"] > 50


@pytest.mark.parametrize("speed", [0.5, 2.0])
async def test_speed(speed):
    """Half as fast is twice as long."""
    async with server(OfflineTextToSpeech()) as (client, _):
        usual = duration_s(await reading(client), "pcm")
        assert duration_s(await reading(client, speed=speed), "pcm") == pytest.approx(usual / speed, rel=0.03)


async def test_the_same_seed_makes_the_same_bytes():
    """Somebody who found a reading they like can have it again."""
    async with server(OfflineTextToSpeech()) as (client, _):
        first, again, other = [await reading(client, extra_body={"seed": seed}) for seed in (7, 7, 8)]
        assert first == again != other


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({"speed": 5}, 400, "speed"),
        ({"speed": 0.1}, 400, "speed"),
        ({"input": ""}, 400, "input"),
        ({"input": None}, 400, "input"),
        ({"response_format": "midi"}, 400, "response_format"),
        ({"ras_window_length": 7}, 400, "ras_max_num_repeat"),
        ({"ras_max_num_repeat": 2}, 400, "ras_window_length"),
        ({"ras_window_length": 0, "ras_max_num_repeat": 2}, 400, "ras_window_length"),
        ({"seed": -1}, 400, "seed"),
        ({"voice": "nobody"}, 404, "one, two, three"),
        ({"voice": {"id": "nobody"}}, 404, "one, two, three"),
        ({"voice": 3}, 400, "voice"),
        ({"ref_text": "hello"}, 400, "ref_audio"),
        ({"ref_audio": "AAAA"}, 400, "cannot be cloned"),
        ({"input": "word " * 2_000_000}, 413, "characters"),
    ],
)
async def test_what_cannot_be_read_out(body, status, said):
    """Every refusal is in OpenAI's shape and says what to do; the next request is served."""
    async with server() as (client, _), posting(client) as post:
        answer = await post(**body)
        assert answer.status_code == status
        error = answer.json()["error"]
        assert said in error["message"]
        assert set(error) == {"message", "type", "param", "code"}
        assert (await post(response_format="pcm")).status_code == 200


class Imitator(ScriptedTextToSpeech):
    """A voice engine that clones, and keeps what it was given."""

    clones_voices = True
    takes_descriptions = True

    def open_voice(self, voice, manner=None):
        self.manner = manner
        return super().open_voice(voice)


CONCAT = base64.b64encode(b"ffconcat version 1.0\nfile /etc/hostname\n").decode()


@pytest.mark.parametrize(
    ("ref_audio", "said"),
    [
        ("http://example.org/a.wav", "not fetched"),
        ("file:///etc/hostname", "not fetched"),
        ("!!", "base64"),
        ("data:audio/wav,abc", "base64"),
        ("AAAA", "cannot be decoded"),
        (CONCAT, "cannot be decoded"),
        (base64.b64encode(wav_bytes(bytes(2 * 24_000 * 61), 24_000)).decode(), "60 s"),
    ],
)
async def test_what_cannot_be_imitated(ref_audio, said):
    """A recording is in the request itself: nothing is fetched, no file of the server's is opened."""
    async with server(Imitator()) as (client, _), posting(client) as post:
        answer = await post(ref_audio=ref_audio)
        assert answer.status_code == 400
        assert said in answer.json()["error"]["message"]
        assert answer.json()["error"]["param"] == "ref_audio"


@pytest.mark.parametrize("prefix", ["", "data:audio/wav;base64,"])
async def test_a_recording_and_all_that_is_asked_reach_the_engine(prefix):
    """What the client sends is what the voice is opened with."""
    tts = Imitator()
    recording = base64.b64encode(wav_bytes(b"\1\0" * 8_000, 16_000)).decode()
    asked = {"seed": 3, "temperature": 0.5, "top_p": 0.9, "top_k": 20, "ras_window_length": 7, "ras_max_num_repeat": 2}
    asked |= {"scene_prompt": "A ship.", "speaker_description": "old", "instructions": "Slowly."}
    async with server(tts) as (client, _), posting(client) as post:
        answer = await post(ref_audio=prefix + recording, ref_text="Ahoy.", voice="any;voice", **asked)
        assert answer.status_code == 200
    with wave.open(io.BytesIO(tts.manner.recording.audio)) as file:
        assert file.getframerate() == 24_000
        assert file.getnframes() == pytest.approx(12_000, abs=50)
    assert tts.manner.recording.text == "Ahoy."
    assert {name: getattr(tts.manner, name) for name in asked} == asked


async def test_a_body_that_does_not_say_its_size_is_bounded():
    """What is too large is refused while it comes, in the same shape as everything else."""

    async def large():
        for _ in range(33):
            yield b" " * (1 << 20)

    async with server() as (client, _), httpx2.AsyncClient(timeout=30) as http:
        answer = await http.post(f"{client.base_url}audio/speech", content=large())
        assert answer.status_code == 413
        assert answer.json()["error"]["code"] == "too_large"


async def test_a_voice_that_fails():
    """Before the first byte a failure is a status; after it, an event where there are events."""
    async with server() as (client, tts):
        tts.fail = True
        with pytest.raises(openai.APIStatusError) as failure:
            await reading(client)
        assert failure.value.status_code == 503
        assert "hoarse" in failure.value.message
        tts.fail = False
        assert await reading(client)


class Noticed(ScriptedTextToSpeech):
    """A voice that takes its time and tells when it begins and when it has stopped."""

    def __init__(self):
        super().__init__(first_audio_s=0.0, real_time_factor=5.0)
        self.begun, self.stopped = asyncio.Event(), asyncio.Event()

    def open_voice(self, voice, manner=None):
        spoken = super().open_voice(voice)
        return SimpleNamespace(stream=lambda text: self._noticed(spoken.stream(text)))

    async def _noticed(self, pieces):
        try:
            async with aclosing(pieces):
                async for piece in pieces:
                    self.begun.set()
                    yield piece
        finally:
            self.stopped.set()


@pytest.mark.parametrize(("name", "stream_format"), [("pcm", "audio"), ("mp3", "sse"), ("wav", None)])
async def test_who_leaves_stops_the_voice(name, stream_format):
    """The engine works for nobody: not when the answer is streamed, and not when it is still being made."""
    tts = Noticed()
    async with server(tts) as (client, _), posting(client) as post:
        asking = asyncio.create_task(post(response_format=name, stream_format=stream_format))
        await tts.begun.wait()
        asking.cancel()
        async with asyncio.timeout(10):
            await tts.stopped.wait()
        assert tts.counts.live == 0
