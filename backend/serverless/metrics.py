"""Prometheus figures of one worker."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from backend.serverless.memory import memory

_BUCKETS_S = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500)


class WorkerMetrics:
    """One registry per worker."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.jobs = Counter(
            "voicechat_jobs",
            "Jobs by outcome: ok, partial, cancelled, or an error type",
            ["outcome"],
            registry=self.registry,
        )
        self.running = Gauge("voicechat_jobs_running", "Jobs under way", registry=self.registry)
        self.job_seconds = Histogram(
            "voicechat_job_seconds", "From a job's start to its last output", registry=self.registry, buckets=_BUCKETS_S
        )
        self.audio_seconds = Counter("voicechat_job_audio_seconds", "Speech made for jobs", registry=self.registry)
        self.uploaded_bytes = Counter("voicechat_uploaded_bytes", "Audio stored on S3", registry=self.registry)
        self.loads = Counter(
            "voicechat_model_loads", "Attempts to load the model, by outcome", ["outcome"], registry=self.registry
        )
        memory_bytes = Gauge("voicechat_memory_bytes", "Resident memory of the process", registry=self.registry)
        memory_bytes.set_function(lambda: float(memory().get("rss", 0)))

    def text(self) -> bytes:
        """Everything in Prometheus' text format."""
        return generate_latest(self.registry)
