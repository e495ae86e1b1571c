"""A worker with a scripted voice, and what it does with jobs."""

from __future__ import annotations

import base64
import io
import json
import wave
from contextlib import aclosing

import av

from backend.errors import ConfigurationError, EngineError
from backend.serverless.audit import Audit
from backend.serverless.worker import Worker
from backend.settings import WorkerSettings
from tests.scripted import RATE_HZ, ScriptedTextToSpeech

PARTLY = {"transcript": "Good evening. My friends. Very hoarse. Good night.", "chunk_method": "word"}
"""With two words to a chunk the third of four fails."""

LONG = "A sentence of no great length. " * 200
"""Some more than ten megabytes of PCM."""


class JobVoice(ScriptedTextToSpeech):
    """A scripted voice that is loaded and unloaded, and fails as told.

    Whoever says `hoarse` fails; `broken` says how many loads fail; a load takes `load_s`.
    """

    def __init__(
        self, *, broken: int = 0, load_s: float = 0.0, first_audio_s: float = 0.0, real_time_factor: float = 0.0
    ):
        super().__init__(first_audio_s, real_time_factor)
        self.broken = broken
        self.load_s = load_s
        self.entered = 0
        self.left = 0
        self.inside = 0
        self.manners = []

    async def __aenter__(self):
        import asyncio

        await asyncio.sleep(self.load_s)
        self.entered += 1
        if self.entered <= self.broken:
            raise ConfigurationError("the weights are gone")
        self.inside += 1
        return self

    async def __aexit__(self, *error):
        self.left += 1
        self.inside -= 1

    def open_voice(self, voice, manner=None):
        self.manners.append(manner)
        inner = super().open_voice(voice, manner)

        class Voice:
            async def stream(self, text):
                if "hoarse" in text:
                    raise EngineError("tts", "the scripted voice is hoarse")
                if "bug" in text:
                    raise KeyError("unknown")
                async with aclosing(inner.stream(text)) as pieces:
                    async for piece in pieces:
                        yield piece

        return Voice()


class Lines:
    """What the worker wrote and reported."""

    def __init__(self) -> None:
        self.audit: list[dict] = []
        self.progress: list[dict] = []

    def write(self, line: str) -> None:
        self.audit.append(json.loads(line))


def worker(tts=None, lines: Lines | None = None, **settings) -> Worker:
    """A worker around `tts`."""
    lines = lines or Lines()
    audit = Audit(lines.write)
    return Worker(tts or JobVoice(), WorkerSettings(**settings), audit, lambda _job, told: lines.progress.append(told))


async def outputs(worker: Worker, id_: str = "sync-1", **given) -> list[dict]:
    """All outputs of one job; afterwards the model is unloaded."""
    try:
        return [output async for output in worker.run({"id": id_, "input": {"transcript": "Hello there.", **given}})]
    finally:
        await worker.model.close()


async def output(worker: Worker, **given) -> dict:
    """The only output of one job."""
    (only,) = await outputs(worker, **given)
    return only


def error(output: dict) -> dict:
    """The error of an output, as JSON has it."""
    assert output["success"] is False
    return json.loads(json.dumps(output))["error"]


def pcm_of(output: dict) -> bytes:
    """The samples of a WAV file in an output, which says how many they are."""
    with wave.open(io.BytesIO(base64.b64decode(output["audio_base64"]))) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (RATE_HZ, 1, 2)
        pcm = file.readframes(file.getnframes())
    assert len(pcm) == 2 * file.getnframes()
    return pcm


def seconds_of(data: bytes) -> float:
    """How long a file plays."""
    with av.open(io.BytesIO(data)) as file:
        return sum(frame.samples / frame.sample_rate for frame in file.decode(audio=0))
