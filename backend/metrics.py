"""Prometheus figures of one server: where time to first audio goes, how replies end, how many sessions there are, and
how the servers are that speak."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Literal, Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from prometheus_client import Metric

    from backend.events import Outcome
    from backend.ledger import LedgerEntry

log = logging.getLogger(__name__)

_BUCKETS_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0)


class SpeechServer(Protocol):
    """What is counted of a server that speaks."""

    @property
    def name(self) -> str: ...

    @property
    def up(self) -> bool: ...

    @property
    def in_flight(self) -> int: ...

    @property
    def requests(self) -> int: ...

    @property
    def failures(self) -> int: ...

    @property
    def failed_at(self) -> float | None:
        """When it last failed, in seconds since 1970."""
        ...


class SpeechServers(Protocol):
    """Servers that stand in for each other."""

    @property
    def servers(self) -> Sequence[SpeechServer]: ...

    @property
    def failovers(self) -> Mapping[tuple[str, str, Literal["start", "middle"]], int]:
        """By who left off, who went on, and where in a text that was."""
        ...

    @property
    def finished_elsewhere(self) -> Mapping[tuple[str, str], int]:
        """Texts spoken to their end, by who left off and who finished."""
        ...


class Metrics:
    """One registry per server, so that two servers in a process (tests) do not share figures."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.sessions = Gauge(
            "voicechat_sessions", "Sessions with a client, or with a turn that waits for theirs", registry=self.registry
        )
        self._replies = Counter("voicechat_replies", "Replies by how they ended", ["outcome"], registry=self.registry)
        self._ttfa = Histogram(
            "voicechat_ttfa_seconds",
            "End of the person's speech to the first audio frame sent",
            registry=self.registry,
            buckets=_BUCKETS_S,
        )
        self._stages = Histogram(
            "voicechat_stage_seconds",
            "Time to first audio by stage; the stages of a reply are consecutive and sum to it",
            ["stage"],
            registry=self.registry,
            buckets=_BUCKETS_S,
        )
        self._speculations = Counter(
            "voicechat_speculations",
            "Answers begun on a guess, by what came of them",
            ["outcome"],
            registry=self.registry,
        )
        self._speculative_calls = Counter(
            "voicechat_speculative_llm_calls",
            "Language model calls of answers begun on a guess, by what came of them",
            ["outcome"],
            registry=self.registry,
        )
        self._summaries = Counter(
            "voicechat_summaries",
            "Attempts to summarise the beginning of a conversation, by what came of them",
            ["outcome"],
            registry=self.registry,
        )
        self._underruns = Counter("voicechat_underruns", "Times a listener ran dry", registry=self.registry)

    def account(self, session: str, turn: int, entry: LedgerEntry, outcome: Outcome) -> None:
        """Record one reply's ledger entry, here and in the log."""
        self._replies.labels(outcome.value).inc()
        self._underruns.inc(entry.underruns)
        stages = entry.stages()
        if entry.reply == 0:  # later replies of a turn wait for the ones before them, which is no latency
            if entry.ttfa_s is not None:
                self._ttfa.observe(entry.ttfa_s)
            for stage, seconds in stages.items():
                self._stages.labels(stage).observe(seconds)
        log.info(
            "reply",
            extra={
                "session": session,
                "turn": turn,
                "reply": entry.reply,
                "outcome": outcome.value,
                "ttfa_ms": None if entry.ttfa_s is None else round(entry.ttfa_s * 1000, 1),
                **{f"{stage}_ms": round(seconds * 1000, 1) for stage, seconds in stages.items()},
                "audio_s": entry.audio_s,
                "rtf": entry.rtf,
                "underruns": entry.underruns,
            },
        )

    def speculated(self, outcome: Literal["kept", "dropped"], llm_calls: int) -> None:
        """Record what came of an answer begun on a guess."""
        self._speculations.labels(outcome).inc()
        self._speculative_calls.labels(outcome).inc(llm_calls)

    def summarised(self, outcome: Literal["made", "failed"]) -> None:
        """Record what came of an attempt to summarise."""
        self._summaries.labels(outcome).inc()

    def watch(self, servers: SpeechServers) -> None:
        """Have the figures of these servers among the others, as they are whenever they are asked for."""
        self.registry.register(_SpeechServersCollector(servers))

    def text(self, server: str = "") -> bytes:
        """Everything in Prometheus' text format; where several servers answer at one address, as of `server`."""
        return generate_latest(_OfServer(self.registry, server) if server else self.registry)


class _OfServer(Collector):
    """What `figures` has, each with a label more."""

    def __init__(self, figures: Collector, server: str) -> None:
        self._figures = figures
        self._label = {"replica": server}

    def collect(self) -> Iterator[Metric]:
        for metric in self._figures.collect():
            metric.samples = [sample._replace(labels=sample.labels | self._label) for sample in metric.samples]
            yield metric


class _SpeechServersCollector(Collector):
    """The servers keep their figures themselves."""

    def __init__(self, servers: SpeechServers) -> None:
        self._servers = servers

    def collect(self) -> Iterator[Metric]:
        labels = ["server"]
        up = GaugeMetricFamily("voicechat_tts_server_up", "Whether texts are sent to a speech server", labels=labels)
        in_flight = GaugeMetricFamily("voicechat_tts_in_flight", "Texts a speech server is speaking", labels=labels)
        requests = CounterMetricFamily("voicechat_tts_requests", "Texts sent to a speech server", labels=labels)
        failures = CounterMetricFamily("voicechat_tts_failures", "Texts a speech server failed at", labels=labels)
        failed_at = GaugeMetricFamily(
            "voicechat_tts_last_failure_timestamp_seconds", "When a speech server last failed at a text", labels=labels
        )
        for server in self._servers.servers:
            if server.failed_at is not None:
                failed_at.add_metric([server.name], server.failed_at)
            up.add_metric([server.name], server.up)
            in_flight.add_metric([server.name], server.in_flight)
            requests.add_metric([server.name], server.requests)
            failures.add_metric([server.name], server.failures)
        failovers = CounterMetricFamily(
            "voicechat_tts_failovers",
            "Texts that another speech server went on with, from their start or their middle",
            labels=["from", "to", "at"],
        )
        for (left, to, at), count in self._servers.failovers.items():
            failovers.add_metric([left, to, at], count)
        finished = CounterMetricFamily(
            "voicechat_tts_finished_elsewhere",
            "Texts that one speech server left off and another one spoke to their end",
            labels=["from", "by"],
        )
        for (left, by), count in self._servers.finished_elsewhere.items():
            finished.add_metric([left, by], count)
        yield from (up, in_flight, requests, failures, failed_at, failovers, finished)
