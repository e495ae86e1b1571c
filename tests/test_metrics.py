"""The figures of a server."""

from __future__ import annotations

from types import SimpleNamespace

from backend.metrics import Metrics


def test_summaries_are_counted_by_what_came_of_them():
    """An operator sees that a language model refuses to summarise."""
    metrics = Metrics()
    for outcome in ("made", "failed", "made"):
        metrics.summarised(outcome)
    text = metrics.text().decode()
    assert 'voicechat_summaries_total{outcome="made"} 2.0' in text
    assert 'voicechat_summaries_total{outcome="failed"} 1.0' in text


def test_speech_servers_are_counted_as_they_are():
    """Which are up, what they do, when they failed, and who went on and finished where another one left off, at the
    moment of asking."""
    one = SimpleNamespace(name="http://a/v1", up=True, in_flight=0, requests=0, failures=0, failed_at=None)
    servers = SimpleNamespace(servers=[one], failovers={}, finished_elsewhere={})
    metrics = Metrics()
    metrics.watch(servers)
    assert 'voicechat_tts_server_up{server="http://a/v1"} 1.0' in metrics.text().decode()
    assert "last_failure_timestamp_seconds{" not in metrics.text().decode()
    one.failed_at = 1_700_000_000.0
    servers.finished_elsewhere["http://a/v1", "offline"] = 1
    one.up, one.in_flight, one.requests, one.failures = False, 2, 7, 3
    servers.failovers["http://a/v1", "offline", "middle"] = 2
    text = metrics.text().decode()
    assert 'voicechat_tts_server_up{server="http://a/v1"} 0.0' in text
    assert 'voicechat_tts_in_flight{server="http://a/v1"} 2.0' in text
    assert 'voicechat_tts_requests_total{server="http://a/v1"} 7.0' in text
    assert 'voicechat_tts_failures_total{server="http://a/v1"} 3.0' in text
    assert 'voicechat_tts_failovers_total{at="middle",from="http://a/v1",to="offline"} 2.0' in text
    assert 'voicechat_tts_last_failure_timestamp_seconds{server="http://a/v1"} 1.7e+09' in text
    assert 'voicechat_tts_finished_elsewhere_total{by="offline",from="http://a/v1"} 1.0' in text


def test_figures_say_which_server_they_are_of():
    """Behind one address for several servers, what one counts is not taken for what another does."""
    metrics = Metrics()
    metrics.sessions.set(3)
    assert 'voicechat_sessions{replica="one"} 3.0' in metrics.text("one").decode()
    assert 'voicechat_replies_total{outcome="completed",replica="one"}' not in metrics.text().decode()
    assert "voicechat_sessions 3.0" in metrics.text().decode()
