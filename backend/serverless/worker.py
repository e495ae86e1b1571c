"""What the worker does with a job: check it, have it spoken, deliver it, and keep account of it."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, aclosing, contextmanager
from typing import TYPE_CHECKING, Any

from backend.encoding import FORMATS
from backend.protocols.openai_speech import RATE_HZ
from backend.serverless.audit import JobRecord
from backend.serverless.breaker import Breaker
from backend.serverless.bucket import workers_access
from backend.serverless.delivery import delivering
from backend.serverless.errors import ErrorBesideAudio, as_job_error, failure
from backend.serverless.generation import JobSpeech
from backend.serverless.guards import Budget, audio_limit, check_prediction
from backend.serverless.lifecycle import Lifecycle
from backend.serverless.memory import memory
from backend.serverless.metrics import WorkerMetrics
from backend.serverless.request import check_voice, destination, parse_request
from backend.serverless.s3 import S3

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator, Mapping

    from backend.engines.interfaces import TextToSpeech
    from backend.serverless.audit import Audit
    from backend.serverless.bucket import Destination
    from backend.serverless.errors import JobError
    from backend.serverless.request import JobRequest
    from backend.settings import WorkerSettings

    Progress = Callable[[Mapping[str, Any], dict[str, Any]], object]

PROGRESS_STEPS = 10
"""At most so many reports of a job: each is an HTTP request of the platform's."""


class Worker:
    """Serves jobs with one engine. `progress` is called with a job and how far it is."""

    def __init__(self, tts: TextToSpeech, settings: WorkerSettings, audit: Audit, progress: Progress) -> None:
        self._tts = tts
        self._settings = settings
        self._audit = audit
        self._progress = progress
        self._s3 = S3(workers_access(settings), settings.s3_url_expires_s)
        self.metrics = WorkerMetrics()
        breaker = Breaker(settings.breaker_failures, settings.breaker_pause_s)
        self.model = Lifecycle(tts, breaker, settings.idle_unload_s, self.metrics)

    def concurrency(self, _current: int) -> int:
        """How many jobs to take at once: one until the model is loaded, so that the others go where it is, and none
        while its loading is given up, lest a broken worker fail all jobs of the queue."""
        if self.model.given_up:
            return 0
        return self._settings.jobs_at_once if self.model.state == "loaded" else 1

    async def run(self, job: Mapping[str, Any]) -> AsyncGenerator[dict[str, Any]]:
        """The outputs of a job, the last of which says whether it succeeded. Cancelled or closed, everything it began
        has ended: no engine works for it, and nothing of it is on S3."""
        with self._accounted(JobRecord(str(job.get("id", "")))) as record:
            try:
                async with aclosing(self._outputs(job, record)) as outputs:
                    async for output in outputs:
                        yield output
            except Exception as error:
                told = as_job_error(error)
                record.outcome, record.code = told.kind, told.code
                yield failure(told)

    async def _outputs(self, job: Mapping[str, Any], record: JobRecord) -> AsyncGenerator[dict[str, Any]]:
        request = parse_request(job.get("input"))
        voice = check_voice(request, self._tts)
        record.voice, record.output_format, record.streamed = voice, request.output_format, request.stream
        record.characters = len(request.transcript)
        place = destination(request, job.get("s3Config"), record.job)
        limit = audio_limit(record.job)
        if place is not None:
            record.s3_bucket, record.s3_key = place.bucket, place.key
        else:
            check_prediction(request.spoken_characters, request.output_format, limit)

        clock = asyncio.get_running_loop().time
        deadline = clock() + self._settings.job_timeout_s
        async with AsyncExitStack() as stack:
            about = {"job": record.job, "engine": self._tts.name, "voice": voice}
            delivery = await stack.enter_async_context(delivering(request, place, self._s3_of(place), about, limit))
            begun = clock()
            async with asyncio.timeout_at(deadline):
                tts = await stack.enter_async_context(self.model.use())
            loaded = clock()
            reporter = _Reporter(self._progress, job, silent=request.stream)
            budget = Budget(limit if place is None else None)
            speech = JobSpeech(request, voice, tts, budget=budget, deadline=deadline, on_chunk=reporter)
            record.chunks_total = speech.total
            try:
                async with aclosing(speech.stream()) as pieces:
                    async for data in pieces:
                        for output in await delivery.take(data):
                            yield output
            finally:
                record.chunks, record.audio_s, record.audio_bytes = (
                    speech.done,
                    round(speech.audio_s, 3),
                    speech.audio_bytes,
                )
                self.metrics.audio_seconds.inc(speech.audio_s)
            outputs, fields = await delivery.finish(speech.head)
            for output in outputs:
                yield output
        if "audio_url" in fields:
            self.metrics.uploaded_bytes.inc(speech.audio_bytes)
        timing = {"load_seconds": round(loaded - begun, 3), "generation_seconds": round(clock() - loaded, 3)}
        error = speech.failure or delivery.failure
        if error is not None:
            record.outcome, record.code = "partial" if speech.failure else error.kind, error.code
        else:
            record.outcome = "ok"
        yield _summary(request, voice, tts, speech, fields, timing, error)

    def _s3_of(self, place: Destination | None) -> S3:
        """The worker's own client, but for a job that brings keys."""
        if place is None or place.access is None:
            return self._s3
        return S3(place.access, self._settings.s3_url_expires_s)

    @contextmanager
    def _accounted(self, record: JobRecord) -> Generator[JobRecord]:
        """Notes what became of a job, however it ends."""
        clock = asyncio.get_running_loop().time
        begun = clock()
        self.metrics.running.inc()
        try:
            yield record
        finally:
            record.seconds = round(clock() - begun, 3)
            self.metrics.running.dec()
            self.metrics.jobs.labels(record.outcome).inc()
            self.metrics.job_seconds.observe(record.seconds)
            self._audit.note(record)


class _Reporter:
    """Reports a job's progress, a few times. `silent`: its outputs already tell."""

    def __init__(self, progress: Progress, job: Mapping[str, Any], *, silent: bool) -> None:
        self._progress = progress
        self._job = job
        self._silent = silent
        self._step = 0

    def __call__(self, speech: JobSpeech) -> None:
        step = PROGRESS_STEPS * speech.done // speech.total
        if self._silent or step == self._step:
            return
        self._step = step
        told = {"chunks": speech.done, "chunks_total": speech.total, "audio_seconds": round(speech.audio_s, 3)}
        self._progress(self._job, {"progress": told})


def _summary(
    request: JobRequest,
    voice: str,
    tts: TextToSpeech,
    speech: JobSpeech,
    fields: dict[str, Any],
    timing: dict[str, float],
    error: JobError | None,
) -> dict[str, Any]:
    """The last output of a job that has audio."""
    metadata = {
        "engine": tts.name,
        "stand_in": tts.stand_in,
        "voice": voice,
        "output_format": request.output_format,
        "content_type": FORMATS[request.output_format].media_type,
        "partial": speech.failure is not None,
        "chunks": speech.done,
        "chunks_total": speech.total,
        "sentences_cut_short": speech.cut_short,
        "audio_bytes": speech.audio_bytes,
        **timing,
        "memory": memory(),
    }
    summary: dict[str, Any] = {
        "success": error is None,
        **fields,
        "duration_seconds": round(speech.audio_s, 3),
        "sample_rate": RATE_HZ,
        "text_output": request.transcript,
        "metadata": metadata,
    }
    if error is not None:
        summary["error"] = ErrorBesideAudio(error.reported())
    return summary
