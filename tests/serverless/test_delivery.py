"""How audio reaches its client, also when the way that was asked for fails."""

from __future__ import annotations

import base64

import pytest

from backend.serverless import guards
from backend.serverless.delivery import InParts
from tests.serverless.jobs import LONG, JobVoice, Lines, error, output, seconds_of, worker


async def test_parts_are_small():
    """RunPod takes 1 MB of a stream at once: what an engine makes in one piece is cut."""
    parts = await InParts().take(bytes(2_000_000))
    assert sum(len(base64.b64decode(part["audio_base64"])) for part in parts) == 2_000_000
    assert max(len(part["audio_base64"]) for part in parts) < 700_000


@pytest.mark.parametrize("kind", ["part", "complete"])
async def test_audio_whose_upload_fails_is_in_the_output(server, kind):
    """What was made is not lost with the upload: the output has it and says why; nothing is left on the server."""
    server.fail(kind, 1, 400, "InvalidPart")
    lines = Lines()
    done = await output(worker(lines=lines), s3_bucket="speech", s3_key="a.wav")
    told = error(done)
    assert (told["type"], told["code"]) == ("s3_upload_error", "S3_UPLOAD_FAILED")
    assert (told["details"]["s3_code"], told["details"]["key"]) == ("InvalidPart", "a.wav")
    assert "audio_url" not in done
    assert seconds_of(base64.b64decode(done["audio_base64"])) == pytest.approx(done["duration_seconds"])
    assert done["metadata"]["partial"] is False
    assert server.unfinished("speech") == 0
    assert (lines.audit[0]["outcome"], lines.audit[0]["code"]) == ("s3_upload_error", "S3_UPLOAD_FAILED")


async def test_an_upload_that_fails_early_does_not_end_the_speech(server):
    """The rest is spoken as well, and is in the output too."""
    server.fail("part", 1, 400, "InvalidPart")
    done = await output(worker(), transcript=LONG, s3_bucket="speech")
    assert error(done)["type"] == "s3_upload_error"
    assert seconds_of(base64.b64decode(done["audio_base64"])) == pytest.approx(done["duration_seconds"])
    assert (len(base64.b64decode(done["audio_base64"])), server.requests.count("part")) == (
        done["metadata"]["audio_bytes"],
        1,
    )


@pytest.mark.parametrize("output_bytes", [8_000_000, 14_600_000])
async def test_what_no_output_can_hold_is_lost_with_its_upload(server, monkeypatch, output_bytes):
    """More than the platform takes is neither kept nor put out, whether the upload or the limit comes first."""
    monkeypatch.setattr(guards, "RUNSYNC_BYTES", guards.ENVELOPE_BYTES + output_bytes)
    server.fail("part", 1, 400, "InvalidPart")
    tts = JobVoice()
    told = await output(worker(tts), transcript=LONG, s3_bucket="speech")
    assert set(told) == {"success", "error"}
    assert error(told)["type"] == "s3_upload_error"
    assert (server.unfinished("speech"), tts.counts.live) == (0, 0)
