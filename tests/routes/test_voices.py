"""`/v1/audio/voices` over a real socket, with the official client."""

from __future__ import annotations

import io
import wave
from contextlib import asynccontextmanager

import httpx2
import numpy as np
import openai
import pytest

from backend.audio import from_float, to_float, wav_bytes
from backend.decoding import decode
from backend.encoding import encoded
from backend.engines.interfaces import Hints
from backend.engines.offline_speech import OfflineTextToSpeech
from backend.routes import new_voice
from backend.storage.voices import VoiceLibrary
from tests.routes.test_speech import Imitator, server


def hum(sound_s: float, amplitude: float = 0.3) -> bytes:
    """PCM at 24 kHz of a buzz with sharp pulses in syllables, as a voice has them."""
    times = np.arange(int(sound_s * 24_000)) / 24_000
    pulses = sum(np.cos(2 * np.pi * 100 * k * times) for k in range(1, 20)) / 19
    return from_float((amplitude * (0.75 + 0.25 * np.sin(24 * times)) * pulses).astype(np.float32))


def recording(sound_s=4.0, silence_s=1.0, amplitude=0.3) -> bytes:
    """A WAV file with so much sound between two silences."""
    silence = bytes(2 * int(silence_s * 24_000))
    return wav_bytes(silence + hum(sound_s, amplitude) + silence, 24_000)


SAMPLE = recording()
CLIPPED = wav_bytes(from_float(np.clip(20 * to_float(hum(4.0)), -1, 1)), 24_000)
CLONED = {"name": "Ada", "consent": "cons_1", "audio_sample": ("ada.wav", SAMPLE)}


@asynccontextmanager
async def posting(client):
    """A plain HTTP client for what the official one would not send."""
    async with httpx2.AsyncClient(base_url=str(client.base_url)) as http:
        yield http


async def listed(client):
    """The voices there are, by id."""
    async with posting(client) as http:
        answer = (await http.get("audio/voices")).json()["voices"]
    assert all(set(voice) == {"voice_id", "name", "description", "labels", "method"} for voice in answer)
    return {voice["voice_id"]: voice for voice in answer}


@pytest.mark.parametrize(
    ("tts", "types"),
    [
        (Imitator, ["audio_sample", "prompt", "preset"]),
        (OfflineTextToSpeech, ["preset"]),
    ],
)
async def test_the_list_says_what_can_be_added(tts, types):
    """A page offers what this server's engine can do, and nothing it would answer with an error."""
    async with server(tts()) as (client, _), posting(client) as http:
        assert (await http.get("audio/voices")).json()["types"] == types


async def test_a_clone_is_added_used_and_deleted():
    """What the official client adds is listed, spoken with by its id, and gone when it is deleted."""
    tts = Imitator()
    async with server(tts) as (client, _):
        extra = {"ref_text": "Ahoy.", "language": "de", "scene_prompt": "A ship.", "speaker_description": "old"}
        voice = await client.audio.voices.create(**CLONED, extra_body=extra)
        assert (voice.object, voice.type, voice.name, voice.prompt) == ("audio.voice", "audio_sample", "Ada", None)
        assert voice.created_at > 1_700_000_000
        assert (await listed(client))[voice.id] == {
            "voice_id": voice.id,
            "name": "Ada",
            "description": "old",
            "labels": {"language": "german"},
            "method": "clone",
        }
        await client.audio.speech.create(model="any", voice=voice.id, input="Hi.", response_format="pcm")
        manner = tts.manner
        assert (manner.recording.text, manner.scene_prompt, manner.speaker_description) == ("Ahoy.", "A ship.", "old")
        with wave.open(io.BytesIO(manner.recording.audio)) as file:
            assert file.getnframes() / file.getframerate() == pytest.approx(4.2, abs=0.05)
        deleted = await client.audio.voices.delete(voice.id)
        assert (deleted.id, deleted.deleted, deleted.object) == (voice.id, True, "audio.voice.deleted")
        assert voice.id not in await listed(client)
        with pytest.raises(openai.NotFoundError):
            await client.audio.speech.create(model="any", voice=voice.id, input="Hi.")
        with pytest.raises(openai.NotFoundError) as raised:
            await client.audio.voices.delete(voice.id)
        assert raised.value.param == "voice_id"


async def test_what_is_asked_of_a_speech_comes_before_what_the_voice_has():
    """A request can put a cloned voice into another scene."""
    tts = Imitator()
    async with server(tts) as (client, _):
        voice = await client.audio.voices.create(**CLONED, extra_body={"ref_text": "A.", "scene_prompt": "A ship."})
        for asked in ({"scene_prompt": "A cave."}, {"instructions": "A cave."}):
            await client.audio.speech.create(model="any", voice=voice.id, input="Hi.", extra_body=asked)
            assert tts.manner.scene_prompt == "A cave."
            assert tts.manner.recording.text == "A."


async def test_without_its_words_a_recording_is_transcribed():
    """A clone needs to know what is said in its recording: the recogniser tells, in the language that is named."""
    tts = Imitator()
    async with server(tts) as (client, _):
        stt = tts.engines.stt
        voice = await client.audio.voices.create(**CLONED, extra_body={"language": "fr"})
        await client.audio.speech.create(model="any", voice=voice.id, input="Hi.")
        assert tts.manner.recording.text == "hello there"
        assert stt.hints == [Hints((), "fr")]
        await client.audio.voices.create(**CLONED, extra_body={"ref_text": "Known."})
        assert len(stt.hints) == 1


async def test_the_same_recording_is_the_same_voice():
    """Its id is made from what is heard: uploaded again it is no second voice, and what is said of it is the latest."""
    async with server(Imitator()) as (client, _):
        first = await client.audio.voices.create(**CLONED)
        before = await listed(client)
        again = await client.audio.voices.create(**CLONED | {"name": "Eva", "audio_sample": recording(silence_s=0.5)})
        other = await client.audio.voices.create(**CLONED | {"audio_sample": recording(5.0)})
        assert first.id == again.id != other.id
        after = await listed(client)
        assert after.keys() - before.keys() == {other.id}
        assert after[first.id]["name"] == "Eva"


@pytest.mark.parametrize("name", ["mp3", "opus", "aac", "flac"])
async def test_a_recording_of_any_usual_format(name):
    """People have recordings of their phones."""
    data = encoded(name, decode(SAMPLE, 24_000), 24_000)
    async with server(Imitator()) as (client, _):
        voice = await client.audio.voices.create(**CLONED | {"audio_sample": (f"ada.{name}", data)})
        assert voice.id in await listed(client)


PROMPT = {"name": "Mei", "type": "prompt", "prompt": "an old sailor"}


async def test_a_voice_by_description():
    """As the official client sends it and as JSON, a prompt makes a voice that is spoken with as it describes."""
    tts = Imitator()
    async with server(tts) as (client, _), posting(client) as http:
        voice = await client.audio.voices.create(**PROMPT)
        assert (voice.type, voice.prompt) == ("prompt", "an old sailor")
        answer = await http.post("audio/voices", json=PROMPT | {"language": "zh"})
        assert answer.json()["id"] == voice.id
        shown = (await listed(client))[voice.id]
        assert (shown["description"], shown["labels"]) == ("an old sailor", {"language": "chinese"})
        await client.audio.speech.create(model="any", voice={"id": voice.id}, input="Hi.")
        assert (tts.manner.speaker_description, tts.manner.recording) == ("an old sailor", None)


@pytest.mark.parametrize(
    ("fields", "file", "param", "said"),
    [
        ({}, SAMPLE, "name", "required"),
        ({"name": " "}, SAMPLE, "name", "required"),
        ({"name": "x" * 300}, SAMPLE, "name", "256"),
        ({"name": "A", "type": "song"}, SAMPLE, "type", "audio_sample"),
        ({"name": "A", "type": "prompt"}, None, "prompt", "description"),
        ({"name": "A", "language": "german"}, SAMPLE, "language", "pattern"),
        ({"name": "A"}, None, "audio_sample", "required"),
        ({"name": "A"}, b"", "audio_sample", "required"),
        ({"name": "A", "audio_sample": "text"}, None, "audio_sample", "required"),
        ({"name": "A"}, b"no audio" * 99, "audio_sample", "cannot be decoded"),
        ({"name": "A"}, recording(1.5), "audio_sample", "1.7 s"),
        ({"name": "A"}, recording(31), "audio_sample", "31.2 s"),
        ({"name": "A"}, recording(0), "audio_sample", "nobody can be heard"),
        ({"name": "A"}, recording(amplitude=0.0005), "audio_sample", "nobody can be heard"),
        ({"name": "A"}, recording(amplitude=0.01), "audio_sample", "dB of full scale, where -50"),
        ({"name": "A"}, CLIPPED, "audio_sample", "clipped"),
        ({"name": "A", "temperature": "3"}, SAMPLE, "temperature", "less than or equal to 2"),
        ({"name": "A", "top_p": "0"}, SAMPLE, "top_p", "greater than 0"),
        ({"name": "A", "seed": "-1"}, SAMPLE, "seed", "greater than or equal to 0"),
        ({"name": "A", "temperature": "nan"}, SAMPLE, "temperature", "finite"),
        ({"name": "A", "type": "preset"}, None, "preset", "one of the server's own: one, two, three"),
        ({"name": "A", "type": "preset", "preset": "four"}, None, "preset", "one, two, three"),
        ({"name": "A"}, wav_bytes(bytes(2 * 8_000 * 310), 8_000), "audio_sample", "longer than 300 s"),
    ],
)
async def test_what_makes_no_voice(fields, file, param, said):
    """Every refusal names the field and says what is wrong; a recording's length is told as it was measured."""
    files = {"audio_sample": ("a.wav", file)} if file is not None else {"nothing": ("x", b"")}
    async with server(Imitator()) as (client, _), posting(client) as http:
        before = await listed(client)
        answer = await http.post("audio/voices", data=fields, files=files)
        error = answer.json()["error"]
        assert (answer.status_code, error["type"], error["param"]) == (400, "invalid_request_error", param)
        assert said in error["message"]
        assert await listed(client) == before


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"3", b'"x"', b"[" * 100_000, b'{"name": "\\ud800"}', b"\xff", b'{"name": 3, "type": "prompt"}'],
)
async def test_malformed_json_is_400(body):
    """A body that is no such request is the client's mistake."""
    async with server(Imitator()) as (client, _), posting(client) as http:
        answer = await http.post("audio/voices", content=body, headers={"content-type": "application/json"})
        assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request_error")


async def test_too_large_is_413(monkeypatch):
    """A recording beyond the limit is refused."""
    monkeypatch.setattr(new_voice, "MAX_SAMPLE_BYTES", 1 << 16)
    async with server(Imitator()) as (client, _):
        with pytest.raises(openai.APIStatusError, match="at most") as raised:
            await client.audio.voices.create(**CLONED)
        assert (raised.value.status_code, raised.value.param) == (413, "audio_sample")


async def test_an_engine_that_cannot_says_which_can():
    """The offline voices imitate nobody, and are as they are."""
    async with server(OfflineTextToSpeech()) as (client, _):
        for asked, param in ((CLONED, "audio_sample"), (PROMPT, "prompt")):
            with pytest.raises(openai.BadRequestError, match="--tts higgs") as raised:
                await client.audio.voices.create(**asked)
            assert raised.value.param == param


async def test_the_servers_own_voices():
    """They are listed with what clients show of them, and nobody deletes them."""
    async with server(OfflineTextToSpeech()) as (client, _):
        shown = await listed(client)
        assert {"nova", "onyx"} <= shown.keys()
        assert (shown["nova"]["labels"], shown["nova"]["method"]) == ({"language": "english"}, "preset")
        assert "eSpeak" in shown["nova"]["description"]
        with pytest.raises(openai.BadRequestError, match="belongs to the server"):
            await client.audio.voices.delete("nova")
        async with posting(client) as http:
            assert (await http.get("audio/voices/nova")).json() == shown["nova"]
            answer = await http.put("audio/voices/nova", json={"name": "Eva"})
            assert (answer.status_code, answer.json()["error"]["param"]) == (400, "voice_id")


async def test_a_full_library_says_so(monkeypatch):
    """What is kept has a bound; whoever meets it is told what to do, and nothing that was kept is lost."""
    monkeypatch.setattr("backend.app.VoiceLibrary", lambda database: VoiceLibrary(database, max_voices=1))
    async with server(Imitator()) as (client, _):
        voice = await client.audio.voices.create(**CLONED)
        with pytest.raises(openai.BadRequestError, match="delete one first") as raised:
            await client.audio.voices.create(**PROMPT)
        assert raised.value.code == "library_full"
        assert (await client.audio.voices.create(**CLONED)).id == voice.id
        await client.audio.voices.delete(voice.id)
        await client.audio.voices.create(**PROMPT)


async def test_a_preset_made_ones_own():
    """Any engine's voice can be added under a name, with a seed and a scene of its own; another seed is another voice,
    and the voice is described as the preset is."""
    asked = {"name": "Nova's twin", "type": "preset", "preset": "nova"}
    async with server(OfflineTextToSpeech()) as (client, _), posting(client) as http:
        added = [(await http.post("audio/voices", json=asked | {"seed": seed})).json() for seed in (1, 2, 1)]
        one, other, again = (voice["id"] for voice in added)
        assert one == again != other
        shown = await listed(client)
        assert (shown[one]["method"], shown[one]["description"]) == ("preset", shown["nova"]["description"])

        async def spoken(voice, **fields):
            return (await client.audio.speech.create(model="any", voice=voice, input="Hi.", **fields)).content

        twin = await spoken(one, response_format="pcm")
        assert twin == await spoken("nova", response_format="pcm", extra_body={"seed": 1})
        assert twin != await spoken(other, response_format="pcm")


async def test_voices_last():
    """What was added speaks after a restart as it did before, and in a second server on the same database."""
    async with server(Imitator()) as (client, tts):
        voice = await client.audio.voices.create(**CLONED, extra_body={"ref_text": "Ahoy.", "seed": 3, "top_p": 0.5})
        await client.audio.speech.create(model="any", voice=voice.id, input="Hi.")
        before = tts.manner
        async with server(Imitator()) as (beside, second):
            await beside.audio.speech.create(model="any", voice=voice.id, input="Hi.")
            assert second.manner == before
    async with server(Imitator()) as (client, tts):
        assert voice.id in await listed(client)
        await client.audio.speech.create(model="any", voice=voice.id, input="Hi.")
        assert tts.manner == before
        assert (before.seed, before.top_p, before.temperature) == (3, 0.5, None)


async def test_a_voice_is_looked_at():
    """An editor shows all that was said of a voice, and what it imitates as it is kept."""
    tts = Imitator()
    async with server(tts) as (client, _), posting(client) as http:
        extra = {"ref_text": "Ahoy.", "language": "de", "scene_prompt": "A ship.", "temperature": 0.5}
        voice = await client.audio.voices.create(**CLONED, extra_body=extra)
        shown = (await http.get(f"audio/voices/{voice.id}")).json()
        assert shown == voice.to_dict()
        assert {name: shown[name] for name in extra} == extra
        assert shown["consent"] == "cons_1"
        await client.audio.speech.create(model="any", voice=voice.id, input="Hi.")
        answer = await http.get(f"audio/voices/{voice.id}/recording")
        assert (answer.headers["content-type"], answer.content) == ("audio/wav", tts.manner.recording.audio)
        prompt = await client.audio.voices.create(**PROMPT)
        for path in (f"{prompt.id}/recording", "nobody", "nobody/recording", "voice_%00", "%ed%a0%80/recording"):
            assert (await http.get(f"audio/voices/{path}")).status_code == 404


async def test_a_voice_is_changed():
    """What is named is new, `null` takes away, and all else stays, the id and the recording among it."""
    tts = Imitator()
    async with server(tts) as (client, _), posting(client) as http:
        extra = {"ref_text": "Ahoy.", "scene_prompt": "A ship.", "temperature": 0.5}
        voice = await client.audio.voices.create(**CLONED, extra_body=extra)
        asked = {"name": "Eva", "seed": 5, "scene_prompt": None, "ref_text": "Ahoi.", "language": "de"}
        answer = await http.put(f"audio/voices/{voice.id}", json=asked)
        shown = answer.json()
        assert (shown["name"], shown["seed"], shown["ref_text"], shown["temperature"]) == ("Eva", 5, "Ahoi.", 0.5)
        assert "scene_prompt" not in shown
        assert shown == (await http.get(f"audio/voices/{voice.id}")).json()
        await client.audio.speech.create(model="any", voice=voice.id, input="Hi.")
        manner = tts.manner
        assert (manner.seed, manner.scene_prompt, manner.recording.text) == (5, None, "Ahoi.")
        prompt = await client.audio.voices.create(**PROMPT)
        answer = await http.put(f"audio/voices/{prompt.id}", json={"description": "a young sailor"})
        assert (answer.json()["prompt"], answer.json()["id"]) == ("a young sailor", prompt.id)
        assert (await http.put(f"audio/voices/{prompt.id}", json={})).json() == answer.json()


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"name": None}, "name"),
        ({"name": " "}, "name"),
        ({"ref_text": None}, "ref_text"),
        ({"ref_text": "Ahoy."}, "ref_text"),
        ({"description": None}, "description"),
        ({"temperature": 2.5}, "temperature"),
        ({"top_p": "much"}, "top_p"),
        ({"seed": 2**63}, "seed"),
        ({"language": "german"}, "language"),
        ([], None),
    ],
)
async def test_what_a_voice_is_not_changed_to(body, param):
    """What would make no voice is refused, and the voice is as it was."""
    async with server(Imitator()) as (client, _), posting(client) as http:
        voice = await client.audio.voices.create(**PROMPT)
        answer = await http.put(f"audio/voices/{voice.id}", json=body)
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)
        assert (await http.get(f"audio/voices/{voice.id}")).json() == voice.to_dict()
        nobody = await http.put("audio/voices/voice_0123", json={"name": "Eva"})
        assert (nobody.status_code, nobody.json()["error"]["code"]) == (404, "not_found")


async def test_faults_of_a_recording_are_told():
    """A recording that is taken, but not as it should be, says so: quiet, overdriven, or of no words."""
    async with server(Imitator()) as (client, tts):
        fine = await client.audio.voices.create(**CLONED)
        assert fine.to_dict().get("warnings") is None
        quiet = await client.audio.voices.create(**CLONED | {"audio_sample": recording(amplitude=0.03)})
        assert "quiet" in quiet.to_dict()["warnings"][0]
        tts.engines.stt.transcripts = [""]
        wordless = await client.audio.voices.create(**CLONED | {"audio_sample": recording(6.0)})
        assert "ref_text" in wordless.to_dict()["warnings"][0]
