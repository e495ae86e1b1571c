"""faster-whisper, with a real model of random weights: it runs like any other and understands nothing."""

from __future__ import annotations

import asyncio
import hashlib
import json
import multiprocessing
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import uvloop

from backend.engines import whisper
from backend.engines.interfaces import Transcript
from backend.engines.whisper import WhisperSpeechToText
from backend.engines.whisper_model import WhisperModel, fetch, repository
from backend.engines.whisper_utterance import PARTIAL_BYTES
from backend.engines.whisper_words import split
from backend.errors import EngineError
from tests.engines import contract

MODEL = Path(__file__).parent.parent / "fixtures" / "tiny-whisper"
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture(scope="module")
def pcm() -> bytes:
    return asyncio.run(contract.spoken("We are going to the beach this afternoon."))


@pytest.fixture
async def stt():
    async with WhisperSpeechToText(str(MODEL), device="cpu") as engine:
        await loaded(engine)
        yield engine


async def loaded(engine: WhisperSpeechToText) -> None:
    """Wait until loading has ended, one way or the other."""
    assert engine.loading is not None
    await engine.loading


@pytest.mark.parametrize("check", contract.CHECKS)
async def test_keeps_the_contract(stt, pcm, check):
    """faster-whisper behaves as every engine must."""
    await check(contract.hearing(stt, pcm, idle=lambda: stt.idle))


async def test_decodes_again_while_audio_comes_in(stt, pcm):
    """A partial transcript is made of the first half second, and arrives with the audio that comes after it."""

    async def microphone():
        yield pcm[:PARTIAL_BYTES]
        await asyncio.wait([task for task in asyncio.all_tasks() if task.get_name() == "whisper decoding"])
        yield pcm[PARTIAL_BYTES:]

    partial, *_, last = await contract.drain(stt.stream(microphone()))
    assert partial.text
    assert not partial.final
    assert last.final


async def test_a_partial_of_everything_is_the_final(stt, pcm, monkeypatch):
    """Audio that is already being decoded when it ends is not decoded a second time."""
    calls = count_decodings(monkeypatch)
    await contract.drain(stt.stream(pieces_of([pcm])))
    assert calls == [len(pcm) // 2]


async def test_the_final_has_every_sample(stt, pcm, monkeypatch):
    """The final transcript is made of all audio, however much came in after the last partial one."""
    calls = count_decodings(monkeypatch)
    await contract.drain(stt.stream(pieces_of([pcm[:-1000], pcm[-1000:], b"\0"])))
    assert calls[-1] == len(pcm) // 2


def count_decodings(monkeypatch) -> list[int]:
    """The lengths of what is decoded from here on, in samples."""
    calls: list[int] = []
    transcribe = WhisperModel.transcribe

    def counting(self, samples, *given):
        calls.append(len(samples))
        return transcribe(self, samples, *given)

    monkeypatch.setattr(WhisperModel, "transcribe", counting)
    return calls


async def pieces_of(pieces):
    for piece in pieces:
        yield piece


@pytest.mark.parametrize("audio", [b"", b"\0", bytes(32_000)])
async def test_hears_nothing_in_silence(stt, audio):
    """No audio and silence are an empty final transcript, although Whisper makes up words for silence."""
    assert await contract.drain(stt.stream(pieces_of([audio]))) == [Transcript("", final=True)]


async def test_longer_than_whispers_window(stt, pcm):
    """Audio of more than 30 seconds is decoded to its end."""
    *_, last = await contract.drain(stt.stream(pieces_of([pcm * 15])))
    assert last.text


async def test_a_failing_model_is_an_engine_error(stt, pcm, monkeypatch):
    """Whatever the libraries under Whisper raise reaches the consumer as an `EngineError`; the next stream works."""

    def fail(self, samples, *given):
        raise ZeroDivisionError("no such thing")

    with monkeypatch.context() as patch:
        patch.setattr(WhisperModel, "transcribe", fail)
        assert "no such thing" in str(await contract.fails_with("stt", stt.stream(contract.windows(pcm))))
    assert stt.idle
    assert (await contract.drain(stt.stream(contract.windows(pcm))))[-1].final


async def test_a_close_stops_at_the_next_segment(stt, pcm, monkeypatch):
    """A stream that is closed in the middle of a decoding lets it go on to the end of a segment and no further."""
    segment_done, may_go_on = threading.Event(), threading.Event()
    segments = []

    def endless(self, samples, *given):
        while True:
            segments.append(1)
            segment_done.set()
            may_go_on.wait()
            yield split("word")

    monkeypatch.setattr(WhisperModel, "transcribe", endless)
    reading = asyncio.create_task(contract.drain(stt.stream(contract.windows(pcm))))
    await asyncio.to_thread(segment_done.wait)
    (decoding,) = (task for task in asyncio.all_tasks() if task.get_name() == "whisper decoding")
    reading.cancel()
    # The consumer's cancellation reaches the decoding a few rounds of the event loop later, and the thread after that.
    for _ in range(10):
        await asyncio.sleep(0)
    assert decoding.cancelling()
    assert not stt.idle
    may_go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert stt.idle
    assert len(segments) <= 2


async def test_loads_in_the_background(pcm):
    """Entering does not wait for the model; a stream opened before it is there fails and says why."""
    async with WhisperSpeechToText(str(MODEL), device="cpu") as stt:
        assert not stt.ready
        error = await contract.fails_with("stt", stt.stream(contract.windows(pcm)))
        assert "tiny-whisper" in str(error)
        await loaded(stt)
        assert stt.ready
        assert stt.detail == "tiny-whisper: on cpu"
    assert not stt.ready
    await contract.fails_with("stt", stt.stream(contract.windows(pcm)))


async def test_says_that_it_has_changed():
    """Whoever shows how far the model is need not ask again and again: every state is announced."""
    changed = asyncio.Event()
    async with WhisperSpeechToText(str(MODEL), "cpu", changed) as stt, asyncio.timeout(60):
        seen = []
        while not stt.ready:
            await changed.wait()
            changed.clear()
            seen.append(stt.detail)
    assert seen == ["tiny-whisper: looking for it", "tiny-whisper: loading", "tiny-whisper: on cpu"]


async def test_can_be_entered_again(stt, pcm):
    """An engine that was left can be entered again."""
    await stt.__aexit__(None, None, None)
    async with stt:
        await loaded(stt)
        assert await contract.drain(stt.stream(contract.windows(pcm)))


@pytest.mark.parametrize("kind", ["no such name", "empty folder"])
async def test_says_why_it_is_not_available(kind, tmp_path, caplog):
    """A model that cannot be loaded is one line in the log and the engine's detail, which is announced; no crash."""
    model, changed = str(tmp_path) if kind == "empty folder" else "no-such-size", asyncio.Event()
    async with WhisperSpeechToText(model, "cpu", changed) as stt, asyncio.timeout(60):
        while "not available" not in stt.detail:
            await changed.wait()
            changed.clear()
        await loaded(stt)
        assert not stt.ready
        assert "not available" in stt.detail
    assert [record.levelname for record in caplog.records] == ["WARNING"]


async def test_a_model_that_is_not_on_disk_is_fetched(monkeypatch):
    """The engine fetches a model it does not find, shows how far it is, and then loads it."""
    seen: list[str] = []

    async def fetched(name, progress):
        assert name == "Systran/faster-whisper-base.en"
        progress("34 % of 145 MB")
        seen.append(stt.detail)
        return str(MODEL)

    monkeypatch.setattr(whisper, "find", lambda model: None)
    monkeypatch.setattr(whisper, "fetch", fetched)
    async with WhisperSpeechToText(device="cpu") as stt:
        await loaded(stt)
        assert seen == ["base.en: fetching 34 % of 145 MB"]
        assert stt.detail == "base.en: on cpu"


def test_repositories():
    """Sizes stand for the repositories faster-whisper knows; a repository's name stands for itself."""
    assert repository("base.en") == "Systran/faster-whisper-base.en"
    assert repository("somebody/their-whisper") == "somebody/their-whisper"


class Hub(BaseHTTPRequestHandler):
    """A Hugging Face hub with one repository: the random model, or one that never arrives."""

    stalls = False
    asked_for_model = threading.Event()
    may_end = threading.Event()

    def do_HEAD(self) -> None:
        self._file(self._body(), head=True)

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if path.startswith("/api/"):
            self._answer(json.dumps(self._listing(path)).encode(), {"Content-Type": "application/json"})
        else:
            self._file(self._body(), head=False)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is printed."""

    def _listing(self, path: str) -> object:
        if "/tree/" in path:
            return [
                {"type": "file", "path": file.name, "size": file.stat().st_size, "oid": _etag(file)}
                for file in MODEL.iterdir()
            ]
        return {"id": "someone/model", "sha": COMMIT, "siblings": [{"rfilename": f.name} for f in MODEL.iterdir()]}

    def _body(self) -> Path:
        return MODEL / urlsplit(self.path).path.rpartition("/")[2]

    def _file(self, file: Path, *, head: bool) -> None:
        headers = {"ETag": f'"{_etag(file)}"', "X-Repo-Commit": COMMIT}
        if not head and self.stalls and file.name == "model.bin":
            self.asked_for_model.set()
            self.may_end.wait()
            return
        self._answer(file.read_bytes(), headers, head=head)

    def _answer(self, body: bytes, headers: dict[str, str], *, head: bool = False) -> None:
        self.send_response(200)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if not head:
            self.wfile.write(body)


def _etag(file: Path) -> str:
    return hashlib.sha1(file.read_bytes()).hexdigest()


@pytest.fixture
def hub(monkeypatch, tmp_path):
    """A hub on this machine, and an empty cache."""

    class ThisHub(Hub):
        asked_for_model = threading.Event()
        may_end = threading.Event()

    with ThreadingHTTPServer(("127.0.0.1", 0), ThisHub) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("HF_HOME", str(tmp_path))
        yield ThisHub
        ThisHub.may_end.set()
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("loop_factory", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_fetches_a_model(hub, loop_factory):
    """A model comes from the hub through the official client into its cache, and can be loaded from there."""
    progress: list[str] = []
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        folder = runner.run(fetch("someone/model", progress.append))
    assert progress[-1].startswith("100 % of ")
    assert WhisperModel.load(folder, "cpu")


async def test_a_fetch_can_be_stopped(hub):
    """Cancelling a download that makes no progress ends it and its process at once."""
    hub.stalls = True
    fetching = asyncio.create_task(fetch("someone/model", lambda line: None))
    await asyncio.to_thread(hub.asked_for_model.wait)
    fetching.cancel()
    with pytest.raises(asyncio.CancelledError):
        await fetching
    assert not multiprocessing.active_children()


async def test_a_fetch_says_why_it_failed(monkeypatch, tmp_path):
    """Without a network the reason is given in one line."""
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    with pytest.raises(EngineError) as caught:
        await fetch("someone/model", lambda line: None)
    assert caught.value.stage == "stt"
    assert "\n" not in str(caught.value)


async def test_answers_a_pause(stt, pcm):
    """The turn can be decided by what was said, and deciding it costs no further decoding."""
    await contract.answers_pauses(stt, pcm)
