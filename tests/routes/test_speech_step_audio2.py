"""`/v1/audio/speech` with Step-Audio 2 as the voice."""

from __future__ import annotations

import asyncio
import base64
import io

import av
import pytest

from backend.audio import wav_bytes
from backend.decoding import decode
from boson_multimodal.model.step_audio2.onnx_model import OnnxModel
from boson_multimodal.tiny_step_audio2 import write_tiny_step_audio2
from boson_multimodal.tts.step_audio2 import StepAudio2TTS
from tests.boson_multimodal.step_server import STOP, codes, content
from tests.routes.step_audio2_door import CODE_BYTES, CODES, SPEECH, TEXT, door, events_of, sound_of
from tests.routes.test_voices import CLONED

RATES_HZ = {"mp3": 24_000, "opus": 48_000, "aac": 24_000, "flac": 24_000, "wav": 24_000}


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """A tiny checkpoint and its voices, of which `cara` is recorded at the rate that clones arrive in."""
    written = write_tiny_step_audio2(tmp_path_factory.mktemp("step"))
    pcm = decode((written.voices / "anna.wav").read_bytes(), 24_000, 60)
    (written.voices / "cara.wav").write_bytes(wav_bytes(pcm, 24_000))
    return written


@pytest.fixture(scope="module")
def own_sound(checkpoint):
    """What the voice itself makes of codes."""

    def made(spoken=CODES, voice="anna", seed=None) -> bytes:
        stream = tts.open_stream(voice, seed)
        return stream.push(spoken) + stream.finish()

    tts = StepAudio2TTS(checkpoint.token2wav, checkpoint.voices, device="cpu")
    with tts.in_use():
        yield made
    tts.unload_model(wait=True)


async def test_voices_by_any_name(checkpoint, own_sound):
    """A recording is a voice by its name, also as an object, and a name that clients have built in is always the same
    one of them."""
    async with door(checkpoint) as at:
        assert await at.read(voice="cara") == own_sound(voice="cara")
        assert await at.read(voice={"id": "bert"}) == own_sound(voice="bert")
        alloy = await at.read(voice="alloy")
        assert alloy in [own_sound(voice=name) for name in at.tts.voices]
        assert await at.read(voice="alloy") == alloy


async def test_every_format_is_as_long_as_its_codes(checkpoint):
    """Decoded as a player would, mono at the format's rate, each code is 40 ms, streamed or not: no end is lost, and
    what some encoders put in front is short."""
    async with door(checkpoint) as at:
        for name, rate_hz in RATES_HZ.items():
            for fields in ({}, {"stream_format": "audio"}):
                with av.open(io.BytesIO(await at.read(name, **fields))) as file:
                    stream = file.streams.audio[0]
                    seconds = sum(frame.samples for frame in file.decode(audio=0)) / stream.rate
                    assert (name, stream.rate, stream.channels) == (name, rate_hz, 1)
                assert 0 <= round(seconds - 0.04 * len(CODES), 6) < 0.1, name
        assert len(await at.read("pcm")) == len(CODES) * CODE_BYTES


async def test_the_sound_is_the_voices_own_sentence_by_sentence(checkpoint, own_sound):
    """Each sentence is asked for by itself, and what is heard is every sample of them, one after another."""
    async with door(checkpoint) as at:
        heard = await at.read(text=f"{TEXT} I could hear the bells.", voice="bert", extra_body={"seed": 7})
        assert heard == 2 * own_sound(voice="bert", seed=7)
        asked = [body["messages"][-2]["content"].splitlines()[-1] for _, body in at.model.requests]
        assert asked == [TEXT, "I could hear the bells."]


@pytest.mark.parametrize(
    ("name", "stream_format"), [("pcm", "audio"), ("mp3", "audio"), ("pcm", "sse"), ("mp3", "sse")]
)
async def test_sound_leaves_while_the_model_still_writes(checkpoint, name, stream_format):
    """The first bytes come before the server has finished, and with the rest they are those of an answer at once."""
    rest = asyncio.Event()
    async with asyncio.timeout(60), door(checkpoint, *SPEECH[:6], rest, *SPEECH[6:], STOP) as at:
        create = at.client.audio.speech.with_streaming_response.create
        asked = {"model": "any", "voice": "anna", "input": TEXT, "response_format": name}
        async with create(**asked, stream_format=stream_format) as answer:
            pieces = answer.iter_bytes()
            received = await anext(pieces)
            assert received
            assert (at.model.opened, at.model.finished) == (1, 0)
            rest.set()
            received += b"".join([piece async for piece in pieces])
        heard = sound_of(events_of(received.decode())) if stream_format == "sse" else received
        assert heard == await at.read(name)


@pytest.mark.parametrize("count", [7, 40])
async def test_events_count_the_codes(checkpoint, own_sound, count):
    """The deltas are the sound, and the last event has as many tokens of output as there were codes."""
    async with door(checkpoint, content(codes(*CODES[:count])), STOP) as at:
        answer = await at.post(stream_format="sse")
        *deltas, done = events_of(answer.text)
        assert sound_of(deltas) == own_sound(CODES[:count])
        read = -(-len(TEXT) // 4)
        usage = {"input_tokens": read, "output_tokens": count, "total_tokens": read + count}
        assert done == {"type": "speech.audio.done", "usage": usage}


@pytest.mark.parametrize("speed", [0.5, 2.0])
async def test_speed(checkpoint, speed):
    """Half as fast is twice as long, to the sample, though the codes are the same."""
    async with door(checkpoint) as at:
        assert len(await at.read(speed=speed)) == round(960 * len(CODES) / speed) * 2


async def test_a_seed_goes_to_the_model_and_to_the_voice(checkpoint):
    """The same request has the same bytes, in a compressed file too, and another seed has others; the largest works."""
    async with door(checkpoint) as at:
        seeds = (7, 7, 8, 2**63 - 1)
        first, again, other, largest = [await at.read("mp3", extra_body={"seed": seed}) for seed in seeds]
        assert first == again
        assert len({first, other, largest}) == 3
        assert tuple(body["seed"] for _, body in at.model.requests) == seeds


async def test_a_recording_in_the_request_is_imitated(checkpoint, own_sound):
    """It sounds as a voice of the same recording does, whichever voice is named; what is said in it is not needed."""
    recording = (checkpoint.voices / "cara.wav").read_bytes()
    clone = {"ref_audio": f"data:audio/wav;base64,{base64.b64encode(recording).decode()}"}
    async with door(checkpoint) as at:
        heard = await at.read(voice="bert", extra_body=clone)
        assert heard == await at.read(voice="cara") == own_sound(voice="cara")
        assert heard != await at.read(voice="bert")
        assert await at.read(voice="bert", extra_body=clone | {"ref_text": "Hum."}) == heard


async def test_what_is_asked_of_the_model_reaches_it(checkpoint):
    """Scene and instructions are the system message, sampling goes along, and nothing it does not know."""
    asked = {"scene_prompt": "A ship.", "temperature": 0.0, "top_p": 0.5, "top_k": 20}
    others = {"speaker_description": "old", "ras_window_length": 7, "ras_max_num_repeat": 2, "language": "en"}
    async with door(checkpoint) as at:
        assert await at.read(instructions="In a whisper.", extra_body=asked | others)
        body = at.model.requests[-1][1]
        assert (body["temperature"], body["top_p"], body["top_k"]) == (0.0, 0.5, 20)
        assert not (set(others) | {"scene_prompt", "instructions"}) & set(body)
        assert body["messages"][0] == {"role": "system", "content": "A ship. In a whisper."}


async def test_an_added_voice_is_told_once_how_to_speak(checkpoint):
    """Instructions for a voice of the library are its scene, and are not said twice."""
    async with door(checkpoint) as at:
        voice = await at.client.audio.voices.create(**CLONED, extra_body={"ref_text": "A.", "scene_prompt": "A ship."})
        plain = await at.read(voice=voice.id)
        assert at.model.requests[-1][1]["messages"][0]["content"] == "A ship."
        assert plain != await at.read()
        await at.read(voice=voice.id, instructions="In a whisper.")
        assert at.model.requests[-1][1]["messages"][0]["content"] == "In a whisper."


async def test_a_voice_is_heard_once(checkpoint, monkeypatch):
    """The networks run for each recording that is new, and never again: not for the voices, which are read at the
    start, nor for a recording that was sent before."""
    runs = []
    run = OnnxModel.run
    monkeypatch.setattr(
        OnnxModel, "run", lambda network, *given, **how: runs.append(network) or run(network, *given, **how)
    )
    clone = {"ref_audio": base64.b64encode(wav_bytes(bytes(range(250)) * 400, 24_000)).decode()}
    async with door(checkpoint) as at:
        assert len(runs) == 2 * len(at.tts.voices)
        for fields, due in (({}, 0), ({}, 0), (clone, 2), (clone, 0)):
            runs.clear()
            assert await at.read(extra_body=fields)
            assert len(runs) == due
