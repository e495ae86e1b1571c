"""The offline recogniser's worker processes: how they begin, fail and end."""

from __future__ import annotations

import asyncio
import multiprocessing
import socket

import pytest
import uvloop

from backend.engines import offline_recognizer
from backend.engines.offline_recognizer import SPAWN, OfflineSpeechToText
from backend.engines.sphinx_worker import HEADER, Recognizer, Reply, Request, serve
from tests.engines import contract


@pytest.fixture(scope="module")
def pcm() -> bytes:
    """A sentence as it is heard."""
    return asyncio.run(contract.spoken("We are going to the beach this afternoon."))


def worker_processes():
    return [process for process in multiprocessing.active_children() if process.name == "recogniser"]


def serve_and_fail(connection: socket.socket) -> None:
    """A worker whose model cannot be loaded."""
    with connection:
        connection.sendall(HEADER.pack(Reply.FAILURE, 8) + b"no model")


def test_same_audio_same_text(pcm):
    """What was recognised before, or left in the middle, changes nothing about the next utterance."""
    recognizer = Recognizer()

    def recognize() -> str:
        recognizer.answer(Request.HEAR, pcm)
        return recognizer.answer(Request.FINISH, b"")

    first = recognize()
    recognizer.answer(Request.HEAR, pcm[:32_000])
    assert recognizer.answer(Request.FORGET, b"") == ""
    assert recognize() == first


async def test_is_ready_only_when_loaded(pcm):
    """Entering returns before the model is loaded, says so, and a stream opened right away waits for it."""
    async with OfflineSpeechToText() as stt:
        assert not stt.ready
        assert "starting" in stt.detail
        await contract.drain(stt.stream(contract.windows(pcm)))
        assert stt.ready
        assert "starting" not in stt.detail


async def test_more_speakers_than_processes(pcm):
    """With one process, further utterances wait for their turn and are recognised."""
    async with OfflineSpeechToText(processes=1) as stt:
        said = await asyncio.gather(*(contract.drain(stt.stream(contract.windows(pcm))) for _ in range(3)))
        assert len(worker_processes()) == 1
    assert len({transcripts[-1].text for transcripts in said}) == 1


async def test_a_worker_that_dies_fails_only_its_stream(pcm):
    """The utterance of a worker that dies is lost with an `EngineError`; another worker takes the next one."""
    async with OfflineSpeechToText(processes=1) as stt:
        stream = stt.stream(contract.windows(pcm))
        await anext(stream)
        for process in worker_processes():
            process.kill()
        await contract.fails_with("stt", stream)
        assert (await contract.drain(stt.stream(contract.windows(pcm))))[-1].final


async def test_a_worker_that_dies_idle_is_not_noticed(pcm):
    """A worker that dies between two utterances costs nobody an utterance."""
    async with OfflineSpeechToText(processes=1) as stt:
        await contract.drain(stt.stream(contract.windows(pcm)))
        for process in worker_processes():
            process.kill()
            process.join()
        assert (await contract.drain(stt.stream(contract.windows(pcm))))[-1].final


async def test_says_that_it_has_changed():
    """That its process has loaded, and that it has died, is announced when it happens."""
    changed = asyncio.Event()
    async with OfflineSpeechToText(changed, processes=1) as stt, asyncio.timeout(60):
        for ready in (True, False):
            await changed.wait()
            changed.clear()
            assert stt.ready == ready
            for process in worker_processes():
                process.kill()


async def test_says_why_it_cannot_start(monkeypatch, caplog):
    """A model that does not load is one line in the log, the engine's detail, which is announced, and an `EngineError`
    for each stream."""
    monkeypatch.setattr(offline_recognizer, "serve", serve_and_fail)
    changed = asyncio.Event()
    async with OfflineSpeechToText(changed, processes=1) as stt:
        async with asyncio.timeout(60):
            while "no model" not in stt.detail:
                await changed.wait()
                changed.clear()
        error = await contract.fails_with("stt", stt.stream(contract.windows(b"")))
        assert "no model" in str(error)
        await contract.fails_with("stt", stt.stream(contract.windows(b"")))
        assert "no model" in stt.detail
        assert not stt.ready
    assert [record.levelname for record in caplog.records] == ["WARNING"]


async def test_leaves_no_process_behind(pcm):
    """When the engine has ended so have its processes, in the middle of an utterance and while loading."""
    async with OfflineSpeechToText() as stt:
        stream = stt.stream(contract.windows(pcm))
        await anext(stream)
    assert not worker_processes()
    await contract.fails_with("stt", stream)
    async with OfflineSpeechToText():
        pass
    assert not worker_processes()
    await contract.fails_with("stt", stt.stream(contract.windows(pcm)))


def test_a_worker_ends_when_its_server_is_gone():
    """A server that crashes leaves no process behind: a worker whose connection closes ends by itself."""
    ours, theirs = socket.socketpair()
    with theirs:
        process = SPAWN.Process(target=serve, args=(theirs,))
        process.start()
    ours.close()
    process.join()
    assert process.exitcode == 0


async def test_prints_nothing(capfd, pcm):
    """Neither the worker nor the library under it writes to the server's output."""
    async with OfflineSpeechToText() as stt:
        await contract.drain(stt.stream(contract.windows(pcm)))
    assert capfd.readouterr() == ("", "")


def test_works_under_uvloop(pcm):
    """The server's own event loop serves the workers' connections as well."""

    async def recognize() -> None:
        async with OfflineSpeechToText() as stt:
            stream = stt.stream(contract.windows(pcm))
            await anext(stream)
            await stream.aclose()
            assert (await contract.drain(stt.stream(contract.windows(pcm))))[-1].text

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(recognize())
    assert not worker_processes()
