"""What is left of a job that fails after it has begun to speak. Time is virtual."""

from __future__ import annotations

import base64
import io

import av
import pytest

from backend.serverless import guards
from tests.scripted import CHARACTER_S
from tests.serverless.jobs import PARTLY, JobVoice, error, output, outputs, pcm_of, worker

pytestmark = pytest.mark.virtual_time


@pytest.mark.parametrize("form", ["wav", "mp3"])
async def test_partial_results_are_kept(form):
    """When a chunk fails, what was said before it is delivered as a file that plays, beside the error."""
    done = await output(worker(), **PARTLY, chunk_max_word_num=2, output_format=form)
    assert error(done)["type"] == "inference_error"
    metadata = done["metadata"]
    assert (metadata["partial"], metadata["chunks"], metadata["chunks_total"]) == (True, 2, 4)
    with av.open(io.BytesIO(base64.b64decode(done["audio_base64"]))) as file:
        seconds = sum(frame.samples / frame.sample_rate for frame in file.decode(audio=0))
    assert seconds == pytest.approx(done["duration_seconds"], abs=0.15)
    assert done["duration_seconds"] == len("Good evening.My friends.") * CHARACTER_S


async def test_a_partial_stream_says_so():
    """What was streamed cannot be taken back: the summary says that it is not all."""
    *parts, summary = await outputs(worker(), **PARTLY, chunk_max_word_num=2, stream=True)
    assert parts
    assert summary["metadata"]["partial"] is True
    assert error(summary)["code"] == "GENERATION_FAILED"


async def test_a_timeout_keeps_what_was_said():
    """Also when it is time that ran out."""
    slow = worker(JobVoice(first_audio_s=15), job_timeout_s=40)
    done = await output(slow, **PARTLY | {"transcript": "One two. Three four. Five six."}, chunk_max_word_num=2)
    assert error(done)["type"] == "timeout_error"
    assert done["metadata"]["chunks"] == 2
    assert pcm_of(done)


async def test_without_chunks_as_well():
    """Sound that was made is delivered, however the text was cut; of nothing there is only the error."""
    done = await output(worker(), transcript="Good evening to all of you, my friends. I am hoarse.")
    assert (error(done)["type"], done["metadata"]["partial"], done["metadata"]["chunks"]) == (
        "inference_error",
        True,
        0,
    )
    assert pcm_of(done)
    assert set(await output(worker(), transcript="I am hoarse. Good evening.")) == {"success", "error"}


async def test_a_bug_does_not_lose_it_either(caplog):
    """It is logged, and told without its words, beside what was said."""
    done = await output(worker(), transcript="Good evening. A bug.", chunk_method="word", chunk_max_word_num=2)
    assert (error(done)["type"], error(done)["code"]) == ("system_error", "INTERNAL_ERROR")
    assert pcm_of(done)
    assert caplog.records[-1].exc_info


@pytest.mark.parametrize(("cut", "chunks"), [({"chunk_method": "word", "chunk_max_word_num": 2}, 3), ({}, 0)])
async def test_audio_that_becomes_too_large_is_cut_off(monkeypatch, cut, chunks):
    """The sizes are measured while the audio is made: the engine stops, what fits is delivered."""
    monkeypatch.setattr(guards, "RUNSYNC_BYTES", guards.ENVELOPE_BYTES + 200_000)
    monkeypatch.setattr("tests.scripted.CHARACTER_S", 0.08)  # slower than foreseen
    tts = JobVoice()
    done = await output(worker(tts), transcript="Good evening. " * 5, **cut)
    assert error(done)["code"] == "OUTPUT_TOO_LARGE"
    assert done["metadata"]["partial"] is True
    assert done["metadata"]["chunks"] == chunks
    assert len(done["audio_base64"]) <= 200_100
    assert tts.counts.live == 0
