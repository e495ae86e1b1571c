"""The figures of a server."""

from __future__ import annotations

from backend.metrics import Metrics


def test_summaries_are_counted_by_what_came_of_them():
    """An operator sees that a language model refuses to summarise."""
    metrics = Metrics()
    for outcome in ("made", "failed", "made"):
        metrics.summarised(outcome)
    text = metrics.text().decode()
    assert 'voicechat_summaries_total{outcome="made"} 2.0' in text
    assert 'voicechat_summaries_total{outcome="failed"} 1.0' in text
