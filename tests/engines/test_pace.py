"""How fast a server is, by when its pieces came."""

from __future__ import annotations

import pytest

from backend.engines.pace import ENOUGH_S, HELD_UP_S, Pace, Take

RATE_HZ = 24_000


class Clock:
    now = 50.0

    def __call__(self) -> float:
        return self.now


def came(take: Take, clock: Clock, waited_s: float, speech_s: float) -> None:
    take.asks()
    clock.now += waited_s
    take.came(int(speech_s * RATE_HZ))


def test_it_is_what_the_pieces_took():
    """The first sound by itself, and the rest by the second of speech."""
    clock = Clock()
    take = Take(RATE_HZ, clock)
    assert take.pace() is None
    came(take, clock, 0.3, 0.5)
    assert (take.pace().first_s, take.pace().per_s) == (pytest.approx(0.3), 0.0)
    came(take, clock, 0.1, 0.2)
    came(take, clock, 0.2, 0.2)
    assert take.pace().per_s == pytest.approx(0.75)
    assert take.pace().until(2.0) == pytest.approx(0.3 + 1.5)
    assert take.speech_s == pytest.approx(0.9)


def test_a_listener_who_holds_it_up_makes_it_no_faster():
    """While nobody asks for more, a server makes speech that then comes at once: that is not its pace."""
    clock = Clock()
    take = Take(RATE_HZ, clock)
    came(take, clock, 0.3, 0.5)
    came(take, clock, 0.1, 0.2)
    for _ in range(20):
        clock.now += 2 * HELD_UP_S
        came(take, clock, 0.0, 0.2)
    came(take, clock, 0.0, 0.2)
    assert take.pace().per_s == pytest.approx(0.5)


def test_what_is_broken_off_at_once_says_nothing_of_the_pace():
    """Nor does a single word: the first sound is what it was, the rest as usual."""
    clock, usual = Clock(), Pace(0.2, 0.7)
    take = Take(RATE_HZ, clock)
    came(take, clock, 0.3, 0.5)
    assert take.pace(usual) == Pace(pytest.approx(0.3), 0.7)
    came(take, clock, 0.01, ENOUGH_S / 2)
    assert take.pace(usual) == Pace(pytest.approx(0.3), 0.7)
    came(take, clock, 0.01, ENOUGH_S / 2)
    assert take.pace(usual).per_s < 0.1


def test_the_first_sound_says_little_of_how_long_others_take():
    """It is asked only where nothing else is known."""
    clock = Clock()
    take = Take(RATE_HZ, clock)
    came(take, clock, 0.5, 0.2)
    assert take.longest_wait_s() == pytest.approx(0.5)
    assert take.longest_wait_s(Pace(0.4, 0.7)) == pytest.approx(0.14)
    came(take, clock, 0.1, 0.2)
    came(take, clock, 0.05, 0.2)
    assert take.longest_wait_s() == take.longest_wait_s(Pace(0.4, 0.7)) == pytest.approx(0.1)
