"""The corpus: what a person says in one session, the room it is said in, and the truth about it.

The same seed and the same voices make the same corpus. Knows nothing of servers or time.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from itertools import cycle, islice
from typing import TYPE_CHECKING, Literal

from backend.audio import from_float, sample_count, to_float
from backend.client.evaluation.mixing import ROOM_RMS, SPEECH_RMS, gain, silence, voiced
from backend.client.evaluation.sentences import (
    BACKCHANNELS,
    BARGE_INS,
    FINISHED,
    PRONOUNCED,
    UNFINISHED,
    WHOLE,
    Place,
    parts,
)
from backend.client.microphone import RATE_HZ

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

Category = Literal["finished", "pauses", "backchannels", "barge_ins", "echo"]

PAUSE_MS = (250, 900)
ECHO_DELAY_MS = (80, 200)
BACKGROUND_DB = -15.0
WHOLE_SHARE = 0.15
"""Of the sentences with pauses: those that pause after what could have been all."""

VOICE_NAMES = ("nova", "onyx", "shimmer", "echo", "alloy", "ash")
RATES_WPM = (145, 160, 175, 190)

COUNTS: dict[tuple[Category, str], int] = {
    ("finished", "clean"): 48,
    ("finished", "noise 20 dB"): 12,
    ("finished", "noise 10 dB"): 12,
    ("finished", "voice -15 dB"): 12,
    ("pauses", "clean"): 60,
    ("pauses", "noise 20 dB"): 12,
    ("pauses", "noise 10 dB"): 12,
    ("backchannels", "clean"): 40,
    ("barge_ins", "clean"): 30,
    ("barge_ins", "noise 20 dB"): 10,
    ("barge_ins", "noise 10 dB"): 10,
    ("echo", "echo -20 dB"): 15,
    ("echo", "echo -10 dB"): 15,
}
"""Items of each category and condition at scale 1."""

NOISE_DB = {"noise 20 dB": 20.0, "noise 10 dB": 10.0}
"""Signal-to-noise ratio of each noisy condition."""
ECHO_DB = {"echo -20 dB": -20.0, "echo -10 dB": -10.0}


@dataclass(frozen=True, slots=True)
class Voice:
    """How a text is spoken."""

    name: str
    rate_wpm: int


if TYPE_CHECKING:
    Speak = Callable[[str, Voice], bytes]
    """Text and voice -> PCM at 16 kHz, with whatever silence the synthesiser puts around it."""


@dataclass(frozen=True, slots=True)
class Pause:
    """Silence inside a sentence: samples of the speech, `end` not included."""

    place: Place
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Room:
    """What the microphone hears besides the person. `echo_gain` 0: the loudspeaker is not heard."""

    noise_rms: float = ROOM_RMS
    echo_gain: float = 0.0
    echo_delay: int = 0
    """Samples."""
    background: bytes = b""
    """Another voice, over and over again."""


@dataclass(frozen=True, slots=True)
class Item:
    """One session. `speech` begins with its first voiced sample and ends with its last; empty in `echo`."""

    number: int
    category: Category
    condition: str
    said: tuple[str, ...]
    """What is said between the pauses."""
    speech: bytes
    pauses: tuple[Pause, ...] = ()
    room: Room = Room()

    @property
    def text(self) -> str:
        """All that is said."""
        return " ".join(self.said)


def build(speak: Speak, seed: int = 0, scale: float = 1.0) -> list[Item]:
    """The corpus, in an order that mixes the categories. Every condition has at least two items."""
    writer = _Writer(speak, random.Random(seed))
    groups = [
        writer.items(category, condition, max(2, round(count * scale)))
        for (category, condition), count in COUNTS.items()
    ]
    items = [item for group in groups for item in group]
    writer.rng.shuffle(items)
    return items


class _Writer:
    """Draws texts, voices, pauses and rooms from one source of chance."""

    def __init__(self, speak: Speak, rng: random.Random) -> None:
        self._speak = speak
        self.rng = rng
        self._written = 0

    def items(self, category: Category, condition: str, count: int) -> Iterator[Item]:
        for text in self._texts(category, count):
            voice = Voice(self.rng.choice(VOICE_NAMES), self.rng.choice(RATES_WPM))
            speech, pauses = self._say(text, voice) if text else (b"", ())
            self._written += 1
            yield Item(self._written, category, condition, parts(text)[0], speech, pauses, self._room(condition, voice))

    def _texts(self, category: Category, count: int) -> Sequence[str]:
        match category:
            case "finished":
                return self._draw(FINISHED, count)
            case "pauses":
                whole = round(WHOLE_SHARE * count)
                return [*self._draw(WHOLE, whole), *self._draw(UNFINISHED, count - whole)]
            case "backchannels":
                return self._draw(BACKCHANNELS, count)
            case "barge_ins":
                return self._draw(BARGE_INS, count)
            case "echo":
                return [""] * count

    def _draw(self, texts: Sequence[str], count: int) -> list[str]:
        """`count` of them in a random order, none again before all have had their turn."""
        return list(islice(cycle(self.rng.sample(texts, len(texts))), count))

    def _say(self, text: str, voice: Voice) -> tuple[bytes, tuple[Pause, ...]]:
        said, places = parts(text)
        speech = b""
        pauses: list[Pause] = []
        for part, place in zip(said[:-1], places, strict=True):
            # A comma makes the synthesiser end on a level or rising tone.
            speech += voiced(self._speak(f"{part.rstrip(',')},", voice))
            length = round(self.rng.uniform(*PAUSE_MS) / 1000 * RATE_HZ)
            start = sample_count(speech)
            pauses.append(Pause(place, start, start + length))
            speech += silence(length)
        return speech + voiced(self._speak(PRONOUNCED.get(said[-1], said[-1]), voice)), tuple(pauses)

    def _room(self, condition: str, voice: Voice) -> Room:
        if condition in NOISE_DB:
            return Room(noise_rms=SPEECH_RMS * gain(-NOISE_DB[condition]))
        if condition in ECHO_DB:
            delay = round(self.rng.uniform(*ECHO_DELAY_MS) / 1000 * RATE_HZ)
            return Room(echo_gain=gain(ECHO_DB[condition]), echo_delay=delay)
        if condition.startswith("voice"):
            return Room(background=self._background(voice))
        return Room()

    def _background(self, voice: Voice) -> bytes:
        """Somebody else, who goes on talking in the same room."""
        other = Voice(self.rng.choice([name for name in VOICE_NAMES if name != voice.name]), voice.rate_wpm)
        gap = silence(RATE_HZ // 4)
        talk = b"".join(voiced(self._speak(text, other)) + gap for text in self._draw(FINISHED[16:], 3))
        return from_float(to_float(talk) * gain(BACKGROUND_DB))
