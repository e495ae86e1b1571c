"""How long a silent server is waited for."""

from __future__ import annotations

import pytest

from backend.engines.pace import Pace, Take
from backend.engines.patience import FIRST_AGAIN_S, FIRST_SOUND_S, LONGEST_S, RESERVE_S, SHORTEST_S, Ear, Patience

RATE_HZ = 24_000


class Clock:
    now = 50.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def ear(clock):
    return Ear(RATE_HZ, clock)


def patience(ear, anyone_else=True, others_pace=0.5) -> Patience:
    return Patience(ear, lambda: anyone_else, lambda: others_pace)


def take(clock, *waits: tuple[float, float]) -> Take:
    """An answer whose pieces, of so many seconds, came after so long."""
    begun = Take(RATE_HZ, clock)
    for waited_s, speech_s in waits:
        begun.asks()
        clock.now += waited_s
        begun.came(int(speech_s * RATE_HZ))
    return begun


def test_without_anyone_else_it_has_no_end(clock, ear):
    """The engine's own limit of silence stays the only one."""
    assert patience(ear, anyone_else=False).seconds(take(clock), None) is None
    assert patience(ear, anyone_else=False).seconds(take(clock, (0.1, 1.0)), None) is None


def test_the_first_sound_may_take_its_time(clock, ear):
    """While nothing is heard, however fast the server is as a rule."""
    assert patience(ear).seconds(take(clock), None) == FIRST_SOUND_S
    assert patience(ear).seconds(take(clock), Pace(0.1)) == FIRST_SOUND_S


@pytest.mark.parametrize(
    ("unheard_s", "usual", "allowed_s"),
    [
        (0.5, None, LONGEST_S),
        (2.0, None, 2.0 - RESERVE_S),
        (9.0, None, FIRST_SOUND_S),
        (0.5, Pace(0.1), FIRST_AGAIN_S),
        (2.0, Pace(0.1), 2.0 - RESERVE_S),
        (0.5, Pace(0.9), 1.8),
        (0.5, Pace(9.0), FIRST_SOUND_S),
    ],
)
def test_the_first_sound_of_what_goes_on_is_waited_for_by_the_listener(clock, ear, unheard_s, usual, allowed_s):
    """Of another server's answer as of the next sentence: as long as there is something to hear, or a little longer
    than this server takes as a rule."""
    ear.passed_on(int(unheard_s * RATE_HZ))
    assert patience(ear).seconds(take(clock), usual) == pytest.approx(allowed_s)


def test_who_has_heard_it_all_for_a_while_does_not_wait(clock, ear):
    """The next text is another reply, whose server may be busy."""
    ear.passed_on(RATE_HZ)
    clock.now += 1.5
    assert patience(ear).seconds(take(clock), None) == LONGEST_S
    clock.now += 0.6
    assert patience(ear).seconds(take(clock), None) == FIRST_SOUND_S


@pytest.mark.parametrize(
    ("waited_s", "allowed_s"), [(0.0, SHORTEST_S), (0.1, SHORTEST_S), (0.3, 0.6), (0.45, 0.9), (5.0, LONGEST_S)]
)
def test_a_silence_may_be_twice_as_long_as_the_one_before(clock, ear, waited_s, allowed_s):
    """Where the listener hears everything at once."""
    assert patience(ear).seconds(take(clock, (waited_s, 0.0)), None) == pytest.approx(allowed_s)
    assert patience(ear).seconds(take(clock, (9.0, 0.0), (waited_s, 0.0), (0.0, 0.0)), None) == pytest.approx(allowed_s)


def test_what_is_unheard_may_be_waited_for_as_long_as_another_one_can_catch_up(clock, ear):
    """The more the listener still has to hear, the longer; it becomes less as time passes, waited for or not, and as
    there is more to say again."""
    begun = take(clock, (0.5, 3.0))
    ear.passed_on(3 * RATE_HZ)
    begun.asks()
    clock.now += 0.5
    begun.came(2 * RATE_HZ)
    ear.passed_on(2 * RATE_HZ)
    assert ear.unheard_s == pytest.approx(4.5)
    assert patience(ear).seconds(begun, None) == pytest.approx(4.5 - (0.5 + 5.0 * 0.25) - RESERVE_S)
    clock.now += 10
    assert ear.unheard_s == 0.0
    assert patience(ear).seconds(begun, None) == LONGEST_S


def test_a_silence_that_was_heard_is_no_speech_that_was_heard(clock, ear):
    """After a gap the listener is as far behind as what comes then is long."""
    ear.passed_on(RATE_HZ)
    clock.now += 3.0
    assert ear.silence_s() == pytest.approx(2.0)
    ear.passed_on(RATE_HZ)
    assert ear.unheard_s == pytest.approx(1.0)
    assert ear.silence_s(1.5) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("pieces", "others_pace", "over"), [(11, 0.5, False), (14, 0.5, True), (14, 1.0, True), (14, 6.0, False)]
)
def test_gap_after_gap_is_no_speech(clock, ear, pieces, others_pace, over):
    """Each shorter than what is waited for: together they are too much, if others are known to do better."""
    with_it, begun = patience(ear, others_pace=others_pace), take(clock)
    for _ in range(pieces):
        ear.passed_on(int(0.02 * RATE_HZ))
        begun.asks()
        clock.now += 0.12
        begun.came(int(0.02 * RATE_HZ))
    assert with_it.is_over(begun) is over
    assert not patience(ear, others_pace=None).is_over(begun)
    with_it.next_take()
    assert not with_it.is_over(begun)


def test_a_pause_between_replies_is_no_gap(clock, ear):
    """Nobody waits then."""
    ear.passed_on(RATE_HZ)
    clock.now += 60
    ear.passed_on(RATE_HZ)
    assert ear.gaps_s == 0
