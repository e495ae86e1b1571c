"""`POST /v1/audio/transcriptions` over a real socket, by the official client, and by clients that do it wrong."""

from __future__ import annotations

import asyncio
import json
import re
from contextlib import asynccontextmanager

import httpx2
import openai
import pytest
from openai import AsyncOpenAI
from openai.types.audio import Transcription, TranscriptionVerbose

from backend.app import create_app
from backend.audio import wav_bytes
from backend.engines.interfaces import NO_HINTS, Hints, Transcript
from backend.errors import EngineError
from backend.routes import forms, transcriptions
from backend.server import TRANSCRIBED_AT_ONCE
from backend.session_settings import Engines
from backend.settings import Settings
from tests.engines import contract
from tests.openai_server import serve_app
from tests.scripted import LoudnessVad, ScriptedLanguageModel, ScriptedSpeechToText, ScriptedTextToSpeech

VOICE = (8000).to_bytes(2, "little") * 512
RECORDING = wav_bytes(bytes(1024 * 50) + VOICE * 50 + bytes(1024 * 50) + VOICE * 25 + bytes(1024 * 25), 16_000)
"""6.4 s, with speech from 1.6 to 3.2 and from 4.8 to 5.6 s."""

SAID = ("Is it 1 < 2 & so on?", "Yes.")
TEXT = " ".join(SAID)


@asynccontextmanager
async def running(stt=None, **settings):
    """A server with a scripted recogniser: yields its address and the recogniser."""
    stt = stt or ScriptedSpeechToText(*SAID, final_s=0)
    app = create_app(Settings(**settings), Engines(stt, ScriptedLanguageModel(), ScriptedTextToSpeech(), LoudnessVad()))
    async with serve_app(app) as (port, _):
        yield f"http://127.0.0.1:{port}/v1", stt


@asynccontextmanager
async def client(base_url, api_key="x"):
    async with AsyncOpenAI(base_url=base_url, api_key=api_key, max_retries=0) as connected:
        yield connected.audio.transcriptions


async def transcribed(*, stt=None, settings=None, file=("speech.wav", RECORDING), **options):
    """What the official client makes of the answer."""
    async with running(stt, **settings or {}) as (url, _), client(url) as api:
        return await api.create(model="whisper-1", file=file, **options)


async def test_json():
    """The default format has the text of all segments and how many seconds there were."""
    answer = await transcribed()
    assert isinstance(answer, Transcription)
    assert answer.text == TEXT
    assert (answer.usage.type, answer.usage.seconds) == ("duration", 7)


async def test_verbose_json():
    """The times of the segments are those of the recording, and the answer is what OpenAI's type asks for."""
    answer = await transcribed(response_format="verbose_json", language="de", timestamp_granularities=["segment"])
    TranscriptionVerbose.model_validate(answer.model_dump(), strict=True)
    assert (answer.task, answer.language, answer.duration, answer.text) == ("transcribe", "de", 6.4, TEXT)
    assert [(part.id, part.start, part.end, part.text) for part in answer.segments] == [
        (0, 1.6, 3.2, SAID[0]),
        (1, 4.8, 5.6, SAID[1]),
    ]


async def test_text():
    """The plain text is one line."""
    assert await transcribed(response_format="text") == TEXT + "\n"


async def test_subtitles():
    """Subtitle files number or mark their cues as players expect them; WebVTT's own characters are escaped."""
    assert await transcribed(response_format="srt") == (
        f"1\n00:00:01,600 --> 00:00:03,200\n{SAID[0]}\n\n2\n00:00:04,800 --> 00:00:05,600\nYes.\n\n"
    )
    assert await transcribed(response_format="vtt") == (
        "WEBVTT\n\n00:00:01.600 --> 00:00:03.200\nIs it 1 &lt; 2 &amp; so on?\n\n"
        "00:00:04.800 --> 00:00:05.600\nYes.\n\n"
    )


async def test_streamed():
    """Each segment is a delta, and the deltas together are the final text."""
    async with running() as (url, _), client(url) as api:
        stream = await api.create(model="gpt-4o-transcribe", file=("speech.wav", RECORDING), stream=True)
        *deltas, done = [event async for event in stream]
    assert [(event.type, event.delta) for event in deltas] == [
        ("transcript.text.delta", SAID[0]),
        ("transcript.text.delta", f" {SAID[1]}"),
    ]
    assert (done.type, done.text) == ("transcript.text.done", TEXT)


@pytest.mark.parametrize(
    ("said", "text"),
    [
        (("你好。", "再见"), "你好。再见"),
        (("これは", "ペン"), "これはペン"),
        (("안녕.", "잘 가."), "안녕. 잘 가."),
        (("OK.", "好"), "OK. 好"),
    ],
)
async def test_between_segments_is_what_their_writing_has_there(said, text):
    """Chinese and Japanese have no spaces, and the deltas of a stream are the same text."""
    async with running(ScriptedSpeechToText(*said, final_s=0)) as (url, _), client(url) as api:
        assert (await api.create(model="any", file=("a.wav", RECORDING))).text == text
        *deltas, done = [event async for event in await api.create(model="any", file=("a.wav", RECORDING), stream=True)]
    assert "".join(event.delta for event in deltas) == done.text == text


async def test_silence_is_an_empty_transcription():
    """A recording in which nobody speaks is no error, in any format."""
    silence = ("silence.wav", wav_bytes(bytes(64_000), 16_000))
    assert (await transcribed(file=silence)).text == ""
    verbose = await transcribed(file=silence, response_format="verbose_json")
    assert (verbose.language, verbose.segments) == ("und", [])
    assert await transcribed(file=silence, response_format="vtt") == "WEBVTT\n\n"
    async with running() as (url, _), client(url) as api:
        stream = await api.create(model="any", file=silence, stream=True)
        assert [(event.type, event.text) async for event in stream] == [("transcript.text.done", "")]


async def test_hints_reach_the_recogniser():
    """The language and the words of the prompt are passed on; without a language it is the server's."""
    async with running(stt_language="fr") as (url, stt), client(url) as api:
        file = ("speech.wav", RECORDING)
        await api.create(model="any", file=file, language="de", prompt="Zoë O'Hara, Zoë; e.g. TensorRT-LLM.")
        await api.create(model="any", file=file, prompt=" ".join(f"word{number}" for number in range(1000)))
        await api.create(model="any", file=file, temperature=0.3, extra_body={"colour": "blue"})
    first, second, third = stt.hints[::2]
    assert first == Hints(("Zoë", "O'Hara", "e.g", "TensorRT-LLM"), "de")
    assert second.words == tuple(f"word{number}" for number in range(900, 1000))
    assert third == Hints((), "fr")


class FailingSpeechToText(ScriptedSpeechToText):
    """Understands `understood` utterances, then fails."""

    def __init__(self, understood):
        super().__init__(*SAID, final_s=0)
        self.understood = understood

    async def stream(self, audio, hints=NO_HINTS):
        if len(self.heard) == self.understood:
            raise EngineError("stt", "the scripted recogniser is deaf")
        async for transcript in super().stream(audio, hints):
            yield transcript


@pytest.mark.parametrize("options", [{}, {"stream": True}, {"response_format": "srt"}])
async def test_a_recogniser_that_fails_is_503(options):
    """The server's trouble is told apart from the client's, and clients try again by themselves."""
    with pytest.raises(openai.InternalServerError, match="deaf") as raised:
        await transcribed(stt=FailingSpeechToText(0), **options)
    assert raised.value.status_code == 503
    assert (raised.value.type, raised.value.code) == ("server_error", "stt_error")


async def test_a_stream_that_fails_in_the_middle_says_so():
    """What was understood is kept, and the client raises what the last event says instead of taking it for the end."""
    seen = []
    async with running(FailingSpeechToText(1)) as (url, _), client(url) as api:
        with pytest.raises(openai.APIError, match="deaf"):
            async for event in await api.create(model="any", file=("a.wav", RECORDING), stream=True):
                seen.append(event.type)
    assert seen == ["transcript.text.delta"]


FIELDS = {"model": "whisper-1"}
VERBOSE = {**FIELDS, "response_format": "verbose_json"}
GRANULARITIES = "timestamp_granularities[]"


@pytest.mark.parametrize(
    ("fields", "file", "param", "message"),
    [
        ({}, RECORDING, "model", "required"),
        ({"model": ""}, RECORDING, "model", "required"),
        (FIELDS, None, "file", "required"),
        ({**FIELDS, "file": "not uploaded"}, None, "file", "required"),
        (FIELDS, b"", "file", "empty"),
        (FIELDS, b"this is no audio" * 100, "file", "cannot be decoded as audio"),
        (FIELDS, RECORDING[:44], "file", "cannot be decoded as audio"),
        ({**FIELDS, "response_format": "docx"}, RECORDING, "response_format", "json, text, verbose_json, srt, vtt"),
        ({**FIELDS, "language": "english"}, RECORDING, "language", "ISO 639-1"),
        ({**FIELDS, "stream": "maybe"}, RECORDING, "stream", "true or false"),
        ({**FIELDS, "stream": "true", "response_format": "srt"}, RECORDING, "stream", "json or text"),
        ({**FIELDS, GRANULARITIES: "segment"}, RECORDING, GRANULARITIES, "verbose_json"),
        ({**VERBOSE, GRANULARITIES: ["segment", "word"]}, RECORDING, GRANULARITIES, "word is not supported"),
        ({**VERBOSE, GRANULARITIES: "x"}, RECORDING, GRANULARITIES, "segment is expected"),
    ],
)
async def test_bad_requests_are_400(fields, file, param, message):
    """What is wrong with a request and where is said, in OpenAI's shape, and the recogniser is not asked."""
    files = {"file": ("speech.wav", file)} if file is not None else {"nothing": ("x", b"")}
    async with running() as (url, stt), httpx2.AsyncClient() as http:
        answer = await http.post(f"{url}/audio/transcriptions", data=fields, files=files)
    error = answer.json()["error"]
    assert answer.status_code == 400
    assert set(error) == {"message", "type", "param", "code"}
    assert (error["type"], error["param"]) == ("invalid_request_error", param)
    assert message in error["message"]
    assert stt.counts.opened == 0


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", b'{"model": "whisper-1"}'),
        ("multipart/form-data", b"--x\r\n"),
        ("multipart/form-data; boundary=x", b"no boundary at all"),
        ("multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; name="file"\r\n\r\ncut off'),
        (
            "multipart/form-data; boundary=x; charset=punycode",
            b'--x\r\nContent-Disposition: form-data; name="model"\r\n\r\nm-zz\r\n--x--\r\n',
        ),
        (
            "multipart/form-data; boundary=x; charset=undefined",
            b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n',
        ),
        ("application/x-www-form-urlencoded", b"model=a&file=b&%ff=%ff"),
        ("", b""),
    ],
)
async def test_malformed_bodies_are_400(content_type, body):
    """A body that is no such form is the client's mistake, never a failure of the server."""
    async with running() as (url, _), httpx2.AsyncClient() as http:
        answer = await http.post(f"{url}/audio/transcriptions", content=body, headers={"content-type": content_type})
    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "invalid_request_error"


async def test_too_large_is_413(monkeypatch):
    """A file beyond the limit is refused, and a body far beyond it is not even read to its end."""
    monkeypatch.setattr(transcriptions, "MAX_FILE_BYTES", 1 << 20)
    monkeypatch.setattr(forms, "MAX_TEXT_BYTES", 2 << 20)
    for size in ((1 << 20) + 1, 5 << 19, 20 << 20):
        with pytest.raises(openai.APIStatusError, match="at most 1 MB") as raised:
            await transcribed(file=("speech.wav", bytes(size)))
        assert (raised.value.status_code, raised.value.code, raised.value.param) == (413, "too_large", "file")


async def test_the_key_is_checked_before_the_body_is_read():
    """Nobody without the key can make the server take a file; with it, the official client is let in."""
    headers = {"content-type": "multipart/form-data; boundary=x", "content-length": "1000000"}
    async with running(api_key="secret") as (url, _):
        async with client(url, "wrong") as api:
            with pytest.raises(openai.AuthenticationError):
                await api.create(model="any", file=("speech.wav", RECORDING))
        async with client(url, "secret") as api:
            assert (await api.create(model="any", file=("speech.wav", RECORDING))).text == TEXT
        host, port = re.fullmatch(r"http://(.*):(\d+)/v1", url).groups()
        reader, writer = await asyncio.open_connection(host, int(port))
        lines = "".join(f"{name}: {value}\r\n" for name, value in {"host": host, **headers}.items())
        writer.write(f"POST /v1/audio/transcriptions HTTP/1.1\r\n{lines}\r\n".encode())
        assert b" 401 " in await reader.readline()
        writer.close()


class Hesitating(ScriptedSpeechToText):
    """Understands the first utterance, and never comes to an end with the second."""

    def __init__(self):
        super().__init__()
        self.stuck, self.left = asyncio.Event(), asyncio.Event()

    async def stream(self, audio, hints=NO_HINTS):
        self.counts.opened += 1
        try:
            if self.counts.opened > 1:
                self.stuck.set()
                await asyncio.Event().wait()
            yield Transcript("Hello.", final=True)
        finally:
            self.counts.closed += 1
            if self.stuck.is_set():
                self.left.set()


@pytest.mark.parametrize("stream", [False, True])
async def test_a_client_that_leaves_stops_the_recogniser(stream):
    """Nobody recognises for a client that is gone, in the middle of a stream or before there is an answer."""
    stt = Hesitating()
    async with running(stt) as (url, _):
        async with client(url) as api:
            asking = asyncio.create_task(api.create(model="any", file=("speech.wav", RECORDING), stream=stream))
            await stt.stuck.wait()
            if stream:
                events = await asking
                assert (await anext(events)).delta == "Hello."
                await events.close()
            else:
                asking.cancel()
            await stt.left.wait()
        assert stt.counts.live == 0


class Held(ScriptedSpeechToText):
    """Understands nothing before `released` is set."""

    def __init__(self):
        super().__init__()
        self.most, self.released = 0, asyncio.Event()

    async def stream(self, audio, hints=NO_HINTS):
        self.counts.opened += 1
        self.most = max(self.most, self.counts.live)
        try:
            await self.released.wait()
            yield Transcript("Hello.", final=True)
        finally:
            self.counts.closed += 1


class Places(asyncio.Semaphore):
    """Sets `wanted` when so many have asked for one."""

    def __init__(self, places, wanted):
        super().__init__(places)
        self.still, self.wanted = wanted, asyncio.Event()

    async def acquire(self):
        self.still -= 1
        if not self.still:
            self.wanted.set()
        return await super().acquire()


async def test_decoded_recordings_are_bounded():
    """More recordings than there is memory for wait, streamed or not, and are transcribed in their turn."""
    stt = Held()
    app = create_app(Settings(), Engines(stt, ScriptedLanguageModel(), ScriptedTextToSpeech(), LoudnessVad()))
    app.state.server.transcribing = places = Places(TRANSCRIBED_AT_ONCE, 2 * TRANSCRIBED_AT_ONCE)

    async def text(api, stream):
        answer = await api.create(model="any", file=("speech.wav", RECORDING), stream=stream)
        return [event async for event in answer][-1].text if stream else answer.text

    async with serve_app(app) as (port, _), client(f"http://127.0.0.1:{port}/v1") as api:
        asked = [asyncio.create_task(text(api, bool(number % 2))) for number in range(2 * TRANSCRIBED_AT_ONCE)]
        async with asyncio.timeout(30):
            await places.wanted.wait()
        stt.released.set()
        assert set(await asyncio.gather(*asked)) == {"Hello. Hello."}
    assert stt.most <= TRANSCRIBED_AT_ONCE


async def test_a_client_that_leaves_while_it_uploads_is_no_failure(caplog):
    """A broken upload leaves no line in the log."""
    async with running() as (url, stt):
        host, port = re.fullmatch(r"http://(.*):(\d+)/v1", url).groups()
        _, writer = await asyncio.open_connection(host, int(port))
        writer.write(
            b"POST /v1/audio/transcriptions HTTP/1.1\r\nhost: x\r\ncontent-length: 9000000\r\n"
            b"content-type: multipart/form-data; boundary=x\r\n\r\n"
            b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n' + bytes(2_000_000)
        )
        await writer.drain()
        writer.close()
        await writer.wait_closed()
    assert stt.counts.opened == 0
    assert not caplog.records


async def test_offline_speech_is_understood():
    """The default product, nothing scripted: two sentences of an offline voice come back as two subtitles."""
    sentences = ("we are going to the beach this afternoon", "my brother works in a large hospital")
    parts = [await contract.spoken(sentence) for sentence in sentences]
    file = ("speech.wav", wav_bytes(bytes(32_000).join(parts), 16_000))
    app = create_app(Settings(stt="offline", llm="offline", tts="offline"))
    async with serve_app(app) as (port, _), client(f"http://127.0.0.1:{port}/v1") as api:
        answer = await api.create(model="whisper-1", file=file, response_format="verbose_json")
    assert len(answer.segments) == 2
    heard = set(answer.text.lower().split())
    assert len(heard & set(" ".join(sentences).split())) >= 11
    first_s = len(parts[0]) / 32_000
    assert answer.segments[0].end < first_s + 0.2
    assert answer.segments[1].start > first_s + 0.8
    json.dumps(answer.model_dump())
