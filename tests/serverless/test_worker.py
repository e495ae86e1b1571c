"""What becomes of a job. Time is virtual."""

from __future__ import annotations

import asyncio
import base64
import io

import av
import pytest

from tests.scripted import CHARACTER_S, RATE_HZ
from tests.serverless.jobs import PARTLY, JobVoice, Lines, error, output, outputs, pcm_of, worker

pytestmark = pytest.mark.virtual_time


async def test_a_job():
    """The output has the audio as a whole file, how long it is, and by which engine and voice it was made."""
    done = await output(worker())
    samples = int(len("Hello there.") * CHARACTER_S * RATE_HZ)
    assert len(pcm_of(done)) == 2 * samples
    assert done["success"] is True
    assert "error" not in done
    assert (done["duration_seconds"], done["sample_rate"]) == (samples / RATE_HZ, RATE_HZ)
    assert done["text_output"] == "Hello there."
    metadata = done["metadata"]
    assert (metadata["engine"], metadata["voice"], metadata["output_format"]) == ("scripted", "one", "wav")
    assert (metadata["partial"], metadata["chunks"], metadata["chunks_total"]) == (False, 1, 1)
    assert metadata["audio_bytes"] == 44 + 2 * samples


@pytest.mark.parametrize("form", ["mp3", "opus", "aac", "flac", "wav", "pcm"])
async def test_formats(form):
    """Every format can be asked for, and is what it says."""
    done = await output(worker(), transcript="A longer sentence to speak.", output_format=form)
    data = base64.b64decode(done["audio_base64"])
    if form == "pcm":
        assert len(data) == 2 * round(done["duration_seconds"] * RATE_HZ)
        return
    with av.open(io.BytesIO(data)) as file:
        seconds = sum(frame.samples / frame.sample_rate for frame in file.decode(audio=0))
    assert seconds == pytest.approx(done["duration_seconds"], abs=0.15)


async def test_the_request_reaches_the_voice():
    """Voice, tone and seed are those of the request, and the text is spoken sentence by sentence."""
    tts = JobVoice()
    asked = {"ref_audio": "two", "scene_prompt": "A whisper.", "seed": 5}
    await output(worker(tts), transcript="First of all, good evening. And then good night.", **asked)
    assert {voice for voice, _ in tts.spoken} == {"two"}
    assert "".join(text for _, text in tts.spoken).replace(" ", "") == "Firstofall,goodevening.Andthengoodnight."
    assert len(tts.spoken) > 1
    assert [(manner.scene_prompt, manner.seed) for manner in tts.manners] == [("A whisper.", 5)]


async def test_chunks_by_words():
    """Each chunk is counted, and progress is reported after each but the last."""
    lines = Lines()
    done = await output(
        worker(lines=lines), transcript="One two. Three four. Five six.", chunk_method="word", chunk_max_word_num=2
    )
    assert (done["metadata"]["chunks"], done["metadata"]["chunks_total"]) == (3, 3)
    assert [line["progress"]["chunks"] for line in lines.progress] == [1, 2]


async def test_progress_is_reported_a_few_times_only():
    """A hundred chunks are not a hundred requests to the platform."""
    lines = Lines()
    words = " ".join("abcdefghij" * 10)
    await output(worker(lines=lines), transcript=words, chunk_method="word", chunk_max_word_num=1)
    assert len(lines.progress) == 9


async def test_speakers_have_voices_of_their_own():
    """Tags are not read out: the first speaker has the voice asked for, each further one another, in every chunk."""
    tts = JobVoice()
    script = "[SPEAKER0] Good evening. [SPEAKER1] Good night. [SPEAKER0] So soon?"
    for method in ("speaker", None):
        tts.spoken.clear()
        await output(worker(tts), transcript=script, chunk_method=method, ref_audio="two")
        assert tts.spoken == [("two", "Good evening."), ("one", "Good night."), ("two", "So soon?")]


async def test_the_first_to_speak_has_the_voice_asked_for():
    """Whatever the number in the tag, however long it is; who says nothing takes no voice away."""
    tts = JobVoice()
    script = f"[SPEAKER7] [SPEAKER3] Good evening. [SPEAKER{'9' * 5000}] Good night."
    await output(worker(tts), transcript=script, ref_audio="two", output_format="mp3")
    assert tts.spoken == [("two", "Good evening."), ("one", "Good night.")]


async def test_a_sentence_that_does_not_end_is_cut():
    """`max_new_tokens` bounds a sentence: 25 tokens are a second."""
    done = await output(worker(), transcript="A sentence of more than one second.", max_new_tokens=26)
    assert done["duration_seconds"] == 1.04
    assert done["metadata"]["sentences_cut_short"] == 1


async def test_streaming():
    """The audio comes in parts while it is made, the first of them at once, and then what is said of the whole."""
    made = worker(JobVoice(real_time_factor=0.5))
    text = "A sentence that takes more than a second to say."
    *parts, summary = await outputs(made, transcript=text, stream=True, output_format="pcm")
    assert [part["part"] for part in parts] == list(range(len(parts)))
    assert len(parts) > 2
    data = [base64.b64decode(part["audio_base64"]) for part in parts]
    assert 2 * round(summary["duration_seconds"] * RATE_HZ) == sum(map(len, data))
    assert len(data[0]) == RATE_HZ // 5  # the first 100 ms
    assert "audio_base64" not in summary
    assert (summary["success"], summary["parts"]) == (True, len(parts))


async def test_validation_error():
    """A request that cannot be served costs nothing: the model is not even loaded."""
    tts = JobVoice()
    told = error(await output(worker(tts), ref_audio="nobody"))
    assert (told["type"], told["code"], told["details"]["field"]) == ("validation_error", "UNKNOWN_VOICE", "ref_audio")
    assert tts.entered == 0


async def test_model_error():
    """A model that cannot be loaded is told, and after that that it is not tried."""
    failing = worker(JobVoice(broken=9), breaker_failures=1)
    assert failing.concurrency(1) == 1
    assert error(await output(failing))["code"] == "MODEL_LOAD_FAILED"
    assert failing.concurrency(1) == 0  # the queue's other jobs are left to other workers
    told = error(await output(failing))
    assert (told["type"], told["code"]) == ("model_error", "MODEL_UNAVAILABLE")
    assert told["details"]["retry_after_seconds"] > 0


async def test_nothing_to_say():
    """Text of which nothing can be spoken gives no empty file."""
    told = error(await output(worker(), transcript="[SPEAKER0] ***"))
    assert (told["type"], told["code"]) == ("validation_error", "NOTHING_TO_SAY")


async def test_timeout_while_loading():
    """The time a job may take includes the model's loading, which goes on for the next one."""
    tts = JobVoice(load_s=100)
    slow = worker(tts, job_timeout_s=20)
    only = [output async for output in slow.run({"id": "1", "input": {"transcript": "Hi."}})]
    assert error(only[0])["type"] == "timeout_error"
    assert slow.model.state == "loading"
    await slow.model.close()


async def test_system_error(caplog):
    """A bug is not the client's to read: it is logged, and the worker serves the next job."""
    buggy = worker()
    told = error(await output(buggy, transcript="A bug."))
    assert (told["type"], told["code"], told["details"]) == ("system_error", "INTERNAL_ERROR", {})
    assert "unknown" not in told["message"]
    assert caplog.records[-1].exc_info
    assert (await output(buggy))["success"] is True


async def test_audio_that_is_too_large_is_refused_beforehand():
    """What cannot fit is not even begun."""
    tts = JobVoice()
    told = error(await output(worker(tts), transcript="word " * 2000))
    assert (told["type"], told["code"]) == ("validation_error", "OUTPUT_TOO_LARGE")
    assert not tts.spoken
    tags = "[SPEAKER0] a. " * 700  # few of the characters are said
    assert (await output(worker(tts), transcript=tags))["success"] is True


async def test_cancellation():
    """A job that is cancelled stops its voice, and is written down as cancelled."""
    tts, lines = JobVoice(first_audio_s=100), Lines()
    cancelled = worker(tts, lines)
    job = asyncio.create_task(anext(cancelled.run({"id": "7", "input": {"transcript": "Hello."}})))
    await asyncio.sleep(10)
    assert tts.counts.live == 1
    job.cancel()
    await asyncio.wait((job,))
    assert job.cancelled()
    assert tts.counts.live == 0
    assert (lines.audit[0]["job"], lines.audit[0]["outcome"]) == ("7", "cancelled")
    await cancelled.model.close()


async def test_a_stream_nobody_reads_on():
    """An output generator that is closed has stopped everything when that is through."""
    tts = JobVoice(real_time_factor=1.0)
    left = worker(tts)
    running = left.run({"id": "8", "input": {"transcript": "A sentence of some length.", "stream": True}})
    await anext(running)
    await running.aclose()
    assert tts.counts.live == 0
    await left.model.close()


async def test_jobs_at_once():
    """Jobs share the model; further ones are taken once it is loaded."""
    tts = JobVoice(load_s=5, first_audio_s=1)
    shared = worker(tts, jobs_at_once=3)
    assert shared.concurrency(1) == 1

    async def one(number: int) -> None:
        assert [output["success"] async for output in shared.run({"id": str(number), "input": {"transcript": "Hi."}})]

    async with asyncio.TaskGroup() as jobs:
        for number in range(3):
            jobs.create_task(one(number))
    assert (shared.concurrency(1), tts.entered) == (3, 1)
    await shared.model.close()


async def test_the_audit_log():
    """A line a job: what it was, what became of it, and not a word of what was said."""
    lines = Lines()
    audited = worker(lines=lines)
    await output(audited, transcript="A very secret message.", seed=1)
    await output(audited, transcript="")
    await output(audited, **PARTLY, chunk_max_word_num=2)
    first, second, third = lines.audit
    assert (first["event"], first["job"], first["outcome"], first["characters"]) == ("job", "sync-1", "ok", 22)
    assert first["audio_s"] == 22 * CHARACTER_S
    assert "secret" not in str(lines.audit)
    assert (second["outcome"], second["code"]) == ("validation_error", "INVALID_TRANSCRIPT")
    assert (third["outcome"], third["code"], third["chunks"]) == ("partial", "GENERATION_FAILED", 2)


async def test_metrics():
    """Prometheus sees jobs by outcome, speech and loads."""
    measured = worker()
    await output(measured)
    await output(measured, transcript="")
    text = measured.metrics.text().decode()
    assert 'voicechat_jobs_total{outcome="ok"} 1.0' in text
    assert 'voicechat_jobs_total{outcome="validation_error"} 1.0' in text
    assert f"voicechat_job_audio_seconds_total {12 * CHARACTER_S}" in text
    assert 'voicechat_model_loads_total{outcome="ok"} 1.0' in text
    assert "voicechat_jobs_running 0.0" in text
