"""How long a silent server is waited for."""

from __future__ import annotations

import pytest

from backend.engines.patience import FIRST_SOUND_S, LONGEST_S, RESERVE_S, SHORTEST_S, Patience

RATE_HZ = 24_000


class Clock:
    now = 50.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


def patience(clock, anyone_else=True) -> Patience:
    return Patience(RATE_HZ, lambda: anyone_else, clock)


def test_without_anyone_else_it_has_no_end(clock):
    """The engine's own limit of silence stays the only one."""
    only = patience(clock, anyone_else=False)
    only.waited(0.1)
    assert only.seconds is None


def test_the_first_sound_may_take_its_time(clock):
    """For every server anew, while nothing was heard."""
    several = patience(clock)
    assert several.seconds == FIRST_SOUND_S
    several.waited(0.1)
    several.next_take()
    assert several.seconds == FIRST_SOUND_S


@pytest.mark.parametrize(("unheard_s", "allowed_s"), [(0.5, LONGEST_S), (2.0, 2.0 - RESERVE_S), (9.0, FIRST_SOUND_S)])
def test_the_first_sound_of_who_goes_on_is_waited_for_by_the_listener(clock, unheard_s, allowed_s):
    """In the middle of a text: no longer than there is something to hear, but for a second."""
    several = patience(clock)
    several.waited(0.1)
    several.passed_on(int(unheard_s * RATE_HZ))
    several.next_take()
    assert several.seconds == pytest.approx(allowed_s)


@pytest.mark.parametrize(
    ("waited_s", "allowed_s"), [(0.0, SHORTEST_S), (0.1, SHORTEST_S), (0.3, 0.6), (0.45, 0.9), (5.0, LONGEST_S)]
)
def test_a_silence_may_be_twice_as_long_as_the_one_before(clock, waited_s, allowed_s):
    """Where the listener hears everything at once."""
    several = patience(clock)
    several.waited(waited_s)
    several.waited(0.0)
    assert several.seconds == pytest.approx(allowed_s)


def test_what_is_unheard_may_be_waited_for_as_long_as_another_one_can_catch_up(clock):
    """The more the listener still has to hear, the longer; it becomes less as time passes, waited for or not, and as
    there is more to say again."""
    several = patience(clock)
    several.waited(0.5)
    several.waited(0.2)
    several.passed_on(3 * RATE_HZ)
    clock.now += 0.5
    several.passed_on(2 * RATE_HZ)
    assert several.unheard_s == pytest.approx(4.5)
    assert several.seconds == pytest.approx(4.5 - 0.7 - RESERVE_S)
    clock.now += 10
    assert several.unheard_s == 0.0
    assert several.seconds == LONGEST_S
