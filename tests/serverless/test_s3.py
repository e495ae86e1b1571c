"""Uploads to a real S3 server."""

from __future__ import annotations

import asyncio
import logging
from urllib.parse import parse_qs, unquote, urlsplit

import httpx2
import pytest

from backend.serverless.bucket import Access, workers_access
from backend.serverless.errors import JobError
from backend.serverless.s3 import PART_BYTES, S3
from backend.settings import WorkerSettings
from tests.scripted import CHARACTER_S
from tests.serverless.jobs import LONG, JobVoice, Lines, error, output, seconds_of, worker
from tests.serverless.s3_server import plain, s3_server


async def fetched(url: str) -> httpx2.Response:
    async with httpx2.AsyncClient() as http:
        return await http.get(url)


async def test_an_upload_arrives_and_its_address_plays(server):
    """Whoever has the address hears the audio, as what it is, for as long as was set."""
    done = await output(
        worker(s3_url_expires_s=600), s3_bucket="speech", s3_key="one/two é.mp3", output_format="mp3", ref_audio="two"
    )
    assert done["success"] is True
    assert "audio_base64" not in done
    assert parse_qs(urlsplit(done["audio_url"]).query)["X-Amz-Expires"] == ["600"]
    answer = await fetched(done["audio_url"])
    assert (answer.status_code, answer.headers["content-type"]) == (200, "audio/mpeg")
    assert seconds_of(answer.content) == pytest.approx(12 * CHARACTER_S, abs=0.1)
    stored = server.client.head_object(Bucket="speech", Key="one/two é.mp3")
    assert stored["Metadata"] == {
        "job": "sync-1",
        "format": "mp3",
        "sample-rate": "24000",
        "engine": "scripted",
        "voice": "two",
    }
    assert stored["ContentLength"] == done["metadata"]["audio_bytes"]


async def test_a_wav_file_in_several_parts_says_how_long_it_is(server):
    """A file is sent while it is made, in parts, and its header is right although it was known last."""
    lines = Lines()
    uploading = worker(lines=lines)
    done = await output(uploading, transcript=LONG, s3_bucket="speech")
    assert server.requests.count("part") == 3
    assert plain(done["audio_url"]).endswith("/speech/voicechat/sync-1.wav")
    data = (await fetched(done["audio_url"])).content
    assert len(data) == done["metadata"]["audio_bytes"] > 2 * PART_BYTES
    assert int.from_bytes(data[40:44], "little") == len(data) - 44
    assert seconds_of(data) == pytest.approx(done["duration_seconds"])
    assert (lines.audit[0]["s3_bucket"], lines.audit[0]["s3_key"]) == ("speech", "voicechat/sync-1.wav")
    assert uploading.metrics.registry.get_sample_value("voicechat_uploaded_bytes_total") == len(data)


async def test_bytes_arrive_in_order(server):
    """Whatever sizes are written, the file is what was written, after its head."""
    s3 = S3(workers_access(WorkerSettings()), 60)
    pieces = [bytes([n]) * (n * 999_983) for n in (3, 7, 1, 9)]
    async with s3.uploading("speech", "bytes", "audio/pcm", {"who": "Zoë"}) as upload:
        for piece in pieces:
            await upload.write(piece)
        await upload.finish(b"head")
    stored = server.client.get_object(Bucket="speech", Key="bytes")
    assert stored["Body"].read() == b"head" + b"".join(pieces)
    assert stored["Metadata"] == {"who": "Zo%C3%AB"}


@pytest.mark.parametrize("kind", ["begin", "part"])
async def test_a_server_that_fails_twice_is_asked_again(server, kind, caplog):
    """What fails on the server for a moment does not fail the job."""
    caplog.set_level(logging.INFO)
    server.fail(kind, 2, 503, "SlowDown")
    done = await output(worker(), s3_bucket="speech")
    assert server.requests.count(kind) == 3
    assert (await fetched(done["audio_url"])).status_code == 200
    assert [record.retries for record in caplog.records if record.message == "uploaded"] == [2]


async def test_a_bucket_that_is_not_there_is_known_before_any_work(server):
    """The upload is asked for first: no model is loaded for audio that has nowhere to go."""
    tts = JobVoice()
    told = error(await output(worker(tts), s3_bucket="elsewhere", s3_key="a.wav"))
    assert (told["type"], told["code"]) == ("s3_upload_error", "S3_BUCKET_NOT_FOUND")
    assert told["details"] == {"s3_code": "NoSuchBucket", "attempts": 1, "bucket": "elsewhere", "key": "a.wav"}
    assert tts.entered == 0


async def test_keys_that_may_not(server):
    """A refusal is not tried again."""
    server.fail("begin", 1, 403, "AccessDenied")
    told = error(await output(worker(), s3_bucket="speech"))
    assert (told["code"], server.requests) == ("S3_ACCESS_DENIED", ["begin"])


async def test_a_failed_job_leaves_nothing_behind(server):
    """Nor does a voice that fails at once."""
    told = error(await output(worker(), transcript="Very hoarse.", s3_bucket="speech"))
    assert told["type"] == "inference_error"
    assert server.unfinished("speech") == 0
    assert server.requests.count("abort") == 1


async def test_partial_results_are_uploaded(server):
    """What was said before a failure can be heard."""
    asked = {"transcript": "Good evening. Very hoarse.", "chunk_method": "word", "chunk_max_word_num": 2}
    done = await output(worker(), **asked, s3_bucket="speech")
    assert error(done)["type"] == "inference_error"
    assert done["metadata"]["partial"] is True
    assert seconds_of((await fetched(done["audio_url"])).content) == pytest.approx(13 * CHARACTER_S)


async def test_a_cancelled_job_takes_its_upload_back(server):
    """What was sent of it is removed before the cancellation is through."""
    spoken = asyncio.Event()

    class Endless(JobVoice):
        def open_voice(self, voice, manner=None):
            inner = super().open_voice(voice, manner)

            class Voice:
                async def stream(self, text):
                    async for piece in inner.stream(text):
                        yield piece
                    spoken.set()
                    await asyncio.Event().wait()

            return Voice()

    cancelled = worker(Endless())
    job = asyncio.create_task(anext(cancelled.run({"id": "1", "input": {"transcript": "Hi.", "s3_bucket": "speech"}})))
    await spoken.wait()
    assert server.unfinished("speech") == 1
    job.cancel()
    await asyncio.wait((job,))
    assert server.unfinished("speech") == 0
    await cancelled.model.close()


async def test_no_keys(server, monkeypatch):
    """A worker without keys says which ones it wants."""
    monkeypatch.delenv("BUCKET_ACCESS_KEY_ID")
    monkeypatch.delenv("BUCKET_SECRET_ACCESS_KEY")
    told = error(await output(worker(), s3_bucket="speech"))
    assert told["code"] == "S3_NO_CREDENTIALS"
    assert "BUCKET_ACCESS_KEY_ID" in told["message"]


async def test_amazons_own_variables(server, monkeypatch):
    """Keys and the address may be those that all of Amazon's tools read."""
    for name in ("BUCKET_ENDPOINT_URL", "BUCKET_ACCESS_KEY_ID", "BUCKET_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    done = await output(worker(), s3_bucket="speech")
    assert (await fetched(done["audio_url"])).status_code == 200


async def test_a_server_that_is_not_there(monkeypatch):
    """An address nobody answers at fails the job, in the words of what was tried."""
    monkeypatch.setattr("backend.serverless.s3.ATTEMPTS", 1)
    gone = Access("http://127.0.0.1:9", "key", "secret")
    with pytest.raises(JobError, match=r"127\.0\.0\.1:9") as failed:
        async with S3(gone, 60).uploading("speech", "a", "audio/wav", {}):
            pass
    assert failed.value.code == "S3_UNREACHABLE"


async def test_a_job_that_brings_its_own_server_and_keys(monkeypatch):
    """RunPod's `s3Config` of a job: the audio goes there, signed with its keys, and the worker's own are not used."""
    monkeypatch.setenv("BUCKET_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("BUCKET_ACCESS_KEY_ID", "workers")
    monkeypatch.setenv("BUCKET_SECRET_ACCESS_KEY", "secret")
    with s3_server() as theirs:
        config = {"endpointUrl": theirs.url, "accessId": "theirs", "accessSecret": "hush", "bucketName": "speech"}
        job = {"id": "7", "input": {"transcript": "Hello there."}, "s3Config": config}
        lines = Lines()
        made = worker(lines=lines)
        (done,) = [output async for output in made.run(job)]
        await made.model.close()
        assert plain(done["audio_url"]) == f"{theirs.url}/speech/voicechat/7.wav"
        assert "Credential=theirs" in unquote(done["audio_url"])
        assert (await fetched(done["audio_url"])).status_code == 200
    assert "hush" not in str(lines.audit)


async def test_a_server_that_does_not_answer(monkeypatch):
    """A job does not wait for it for ever."""
    monkeypatch.setattr("backend.serverless.s3.READ_TIMEOUT_S", 0.05)
    monkeypatch.setattr("backend.serverless.s3.ATTEMPTS", 1)
    left = asyncio.Event()

    async def silent(reader, writer):
        await left.wait()
        writer.close()

    async with await asyncio.start_server(silent, "127.0.0.1", 0) as listener:
        address = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
        with pytest.raises(JobError) as failed:
            async with S3(Access(address, "key", "secret"), 60).uploading("speech", "a", "audio/wav", {}):
                pass
        left.set()
    assert failed.value.code == "S3_UNREACHABLE"
