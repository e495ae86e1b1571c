"""Prometheus figures of one server: where time to first audio goes, how replies end, how many sessions there are."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

if TYPE_CHECKING:
    from backend.events import Outcome
    from backend.ledger import LedgerEntry

log = logging.getLogger(__name__)

_BUCKETS_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0)


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

    def text(self) -> bytes:
        """Everything in Prometheus' text format."""
        return generate_latest(self.registry)
