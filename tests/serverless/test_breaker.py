"""When something that keeps failing is tried again."""

from __future__ import annotations

from backend.serverless.breaker import Breaker


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_it_opens_after_failures_in_a_row():
    """A success in between starts the count anew."""
    breaker = Breaker(2, 30, Clock())
    breaker.failed("one")
    breaker.succeeded()
    breaker.failed("two")
    assert breaker.state == "closed"
    breaker.failed("three")
    assert (breaker.state, breaker.failures, breaker.last_error) == ("open", 2, "three")


def test_after_the_pause_one_attempt_decides():
    """A further failure opens it at once, a success closes it."""
    clock = Clock()
    breaker = Breaker(2, 30, clock)
    breaker.failed("one")
    breaker.failed("two")
    clock.now += 10
    assert breaker.retry_after_s == 20
    clock.now += 20
    assert breaker.state == "half-open"
    breaker.failed("three")
    assert (breaker.state, breaker.retry_after_s) == ("open", 30)
    clock.now += 30
    breaker.succeeded()
    assert (breaker.state, breaker.retry_after_s, breaker.last_error) == ("closed", 0, "")
