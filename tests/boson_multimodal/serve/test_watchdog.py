from __future__ import annotations

import random

from boson_multimodal.serve.watchdog import LOOP_COLUMNS, STUCK_COLUMNS, Watchdog


def verdicts(codes: list[int]) -> list[int]:
    """After how many codes the watchdog spoke up."""
    watchdog = Watchdog()
    return [count for count, code in enumerate(codes, 1) if watchdog.feed(code)]


def test_speech_is_left_alone() -> None:
    """Varied codes, pauses of three seconds among them, are no reason to stop."""
    draw = random.Random(0)
    codes = [draw.randrange(1024) for _ in range(400)]
    codes[100:175] = [draw.choice((7, 8)) for _ in range(75)]
    assert verdicts(codes) == []


def test_a_held_sound_is_noticed() -> None:
    """Silence to the end of the budget, the model's most frequent way not to stop, is cut off."""
    draw = random.Random(1)
    codes = [draw.randrange(1024) for _ in range(60)] + [draw.choice((7, 8, 9)) for _ in range(300)]
    assert 60 + STUCK_COLUMNS <= verdicts(codes)[0] <= 60 + STUCK_COLUMNS + 25


def test_a_loop_is_noticed() -> None:
    """A phrase repeated over and over is cut off."""
    phrase = list(range(37))
    assert LOOP_COLUMNS <= verdicts(phrase * 12)[0] <= LOOP_COLUMNS + 25
