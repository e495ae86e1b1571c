"""The corpus of the turn-taking evaluation: the same every time, and true."""

from __future__ import annotations

import hashlib
import runpy
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from backend.audio import from_float, sample_count, to_float
from backend.client.evaluation.corpus import COUNTS, PAUSE_MS, VOICE_NAMES, WHOLE_SHARE, Voice, build
from backend.client.evaluation.mixing import (
    EDGE,
    SPEECH_RMS,
    Background,
    Echo,
    active_rms,
    gain,
    room_noise,
    silence,
    voiced,
)
from backend.client.evaluation.sentences import FINISHED, PLACES, UNFINISHED, WHOLE, parts
from backend.client.microphone import RATE_HZ

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "scripts" / "evaluate_turn_taking.py"
WINDOW = RATE_HZ // 100

DIGEST = """
import hashlib, runpy, sys
script = runpy.run_path(sys.argv[1])
script["repeat"]()
from backend.client.evaluation.corpus import build
items = build(script["speak"], 3, 0.02)
print(hashlib.sha256(repr(items).encode()).hexdigest())
"""


def buzz(text: str, voice: Voice) -> bytes:
    """A voice without a synthesiser: as long as the text, as high as the voice, between two silences."""
    times = np.arange(800 * len(text)) / RATE_HZ
    sound = np.sin(2 * np.pi * (100 + voice.rate_wpm + 40 * VOICE_NAMES.index(voice.name)) * times)
    return silence(1600) + from_float((0.2 * sound).astype(np.float32)) + silence(3200)


@pytest.fixture(scope="module")
def spoken():
    """A small corpus in the offline voices."""
    return build(runpy.run_path(str(SCRIPT))["speak"], scale=0.1)


def loud_windows(pcm: bytes) -> np.ndarray:
    """Which windows of 10 ms are louder than a hundredth of the loudest."""
    samples = to_float(pcm)
    padded = np.pad(samples, (0, -samples.size % WINDOW)).reshape(-1, WINDOW)
    power = np.square(padded).mean(axis=1)
    return np.flatnonzero(power > 1e-4 * power.max())


def test_a_seed_makes_one_corpus():
    """Two strategies are compared on the same words, voices, pauses and rooms."""
    assert build(buzz, 7, 0.1) == build(buzz, 7, 0.1)
    assert build(buzz, 7, 0.1) != build(buzz, 8, 0.1)


def test_the_offline_voices_say_it_the_same_way_every_time():
    """The synthesiser draws noise of its own; two runs still play the same samples."""
    command = (sys.executable, "-c", DIGEST, str(SCRIPT))
    runs = [subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout for _ in range(2)]
    assert runs[0] == runs[1]
    assert len(runs[0].strip()) == 2 * hashlib.sha256().digest_size


def test_every_condition_has_its_share():
    """No category or condition is lost when the corpus is scaled, and items are told apart by their numbers."""
    items = build(buzz, scale=0.3)
    counted = Counter((item.category, item.condition) for item in items)
    assert counted == {group: max(2, round(count * 0.3)) for group, count in COUNTS.items()}
    assert sorted(item.number for item in items) == list(range(1, len(items) + 1))


def test_speech_begins_and_ends_where_it_is_loud(spoken):
    """Delays are counted from the last sample of an item, so that sample must be the audible end of the speech."""
    for item in spoken:
        if item.speech:
            samples, loud = to_float(item.speech), loud_windows(item.speech)
            assert abs(samples[0]) > EDGE / 2
            assert abs(samples[-1]) > EDGE / 2
            assert loud[0] * WINDOW < 0.04 * RATE_HZ
            assert samples.size - (loud[-1] + 1) * WINDOW < 0.04 * RATE_HZ


def test_pauses_are_silent_and_of_their_stated_length(spoken):
    """A false cut-off is judged by the pause's truth: there is sound right before it and right after it, none in it."""
    pauses = [(item, pause) for item in spoken for pause in item.pauses]
    assert pauses
    for item, pause in pauses:
        samples = to_float(item.speech)
        assert PAUSE_MS[0] - 1 <= 1000 * (pause.end - pause.start) / RATE_HZ <= PAUSE_MS[1] + 1
        assert not samples[pause.start : pause.end].any()
        assert abs(samples[pause.start - 1]) > EDGE / 2
        assert abs(samples[pause.end]) > EDGE / 2


def test_the_parts_before_a_pause_sound_unfinished():
    """The synthesiser is asked for the melody of a sentence that goes on."""
    asked: list[str] = []

    def listen(text: str, voice: Voice) -> bytes:
        asked.append(text)
        return buzz(text, voice)

    items = [item for item in build(listen, scale=0.2) if item.pauses]
    unfinished = {f"{part.rstrip(',')}," for text in (*UNFINISHED, *WHOLE) for part in parts(text)[0][:-1]}
    assert items
    assert unfinished & set(asked)
    assert not {part for text in UNFINISHED for part in parts(text)[0][:-1] if not part.endswith(",")} & set(asked)


def test_few_pauses_could_have_been_the_end():
    """Pauses after a whole sentence are there, and rare as in life."""
    items = [item for item in build(buzz) if item.category == "pauses" and item.condition == "clean"]
    whole = [item for item in items if any(pause.place == "whole" for pause in item.pauses)]
    assert len(whole) == round(WHOLE_SHARE * len(items))
    assert {pause.place for item in items for pause in item.pauses} == set(PLACES)


def test_sentences_are_plain():
    """Digits and marks that are left over would be read aloud and charged to the recogniser."""
    for text in (*FINISHED, *UNFINISHED, *WHOLE):
        said, places = parts(text)
        assert len(said) == len(places) + 1
        assert not any(character in "[]0123456789" for part in said for character in part)
    assert all(2 <= len(text.split()) <= 14 for text in FINISHED)


def test_levels_are_as_stated(spoken):
    """Signal-to-noise ratios mean what they say: voices, noise and background have the levels of their condition."""
    for item in spoken:
        if item.category == "finished":
            assert active_rms(to_float(item.speech)) == pytest.approx(SPEECH_RMS, rel=0.1)
        if item.room.background:
            background = active_rms(to_float(item.room.background))
            assert background == pytest.approx(SPEECH_RMS * gain(-15), rel=0.15)
    noise = room_noise(np.random.default_rng(1), 0.01, 100_000)
    assert float(np.sqrt(np.square(noise).mean())) == pytest.approx(0.01, rel=0.03)


def test_an_echo_comes_late_and_quiet():
    """What is played is recorded a delay later at the stated level, whatever the frames."""
    played = np.arange(1, 1001, dtype=np.float32)
    echo = Echo(gain(-20), 300)
    heard = np.concatenate([echo.of(played[start : start + 100]) for start in range(0, 1000, 100)])
    assert not heard[:300].any()
    assert heard[300:] == pytest.approx(played[:700] * 0.1)


def test_a_background_goes_on():
    """The other voice does not fall silent when its recording ends."""
    background = Background(from_float(np.array([0.1, 0.2, 0.3], np.float32)))
    assert [round(float(value), 2) for value in background.next(5)] == [0.1, 0.2, 0.3, 0.1, 0.2]
    assert [round(float(value), 2) for value in background.next(2)] == [0.3, 0.1]
    assert not Background(b"").next(4).any()


def test_silence_is_no_speech():
    """A synthesiser that says nothing is noticed when the corpus is made, not in the figures."""
    with pytest.raises(ValueError, match="nothing was spoken"):
        voiced(silence(1600))
    assert sample_count(silence(1600)) == 1600
