"""From samples heard to words heard: which part of a written reply has reached the listener.

A reply is a sequence of sentences; each is a span of the written text and a run of samples. Within a sentence the
voice's own word marks decide, and where it gives none, the sentence's audio is shared out among its characters. A word
counts as heard once half of it was.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

TYPICAL_CHARACTERS_PER_S = 15.0
"""English at about 165 words a minute; used until the voice has spoken a whole sentence."""

_SIGNS = "\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
"""Chinese and Japanese, which are written without spaces: each sign is taken for a word."""

_SYLLABLE = re.compile(rf"[{_SIGNS}\uac00-\ud7af]")
"""What says a whole syllable: those signs, and Korean ones."""

SYLLABLE_CHARACTERS = 3
"""Such a sign lasts about as long as this many letters of English: people say 4 to 6 syllables a second."""

_WORD = re.compile(rf"[{_SIGNS}][^\w\s]*|[^\s{_SIGNS}]+")


class HeardWord(NamedTuple):
    """A word of the written text, `[start:end]`, heard from sample number `sample` of the reply on."""

    start: int
    end: int
    sample: int


@dataclass(slots=True)
class SpeechRate:
    """How fast a voice speaks, in letters of English, learnt from the sentences it has finished. Kept with the voice,
    across turns."""

    characters_per_s: float = TYPICAL_CHARACTERS_PER_S
    _learnt: bool = False

    def learn(self, spoken: str, seconds: float) -> None:
        """A sentence took so long."""
        if spoken and seconds > 0:
            rate = spoken_length(spoken) / seconds
            self.characters_per_s = 0.5 * (self.characters_per_s + rate) if self._learnt else rate
            self._learnt = True


def spoken_length(text: str) -> int:
    """How long a text takes to say, in letters of English."""
    return len(text) + (SYLLABLE_CHARACTERS - 1) * len(_SYLLABLE.findall(text))


@dataclass(slots=True)
class SpokenSentence:
    """A sentence on its way to the listener: `written[start:end]`, spoken as `spoken` in `samples` samples so far."""

    start: int
    end: int
    spoken: str
    first_sample: int
    samples: int = 0
    complete: bool = False
    marks: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])
    """(character offset in `spoken`, sample within the sentence) where words begin, ascending."""

    def words(self, written: str, samples_per_character: float) -> Iterator[HeardWord]:
        """The words of this sentence of `written`, and when they count as heard."""
        spans = [word.span() for word in _WORD.finditer(written, self.start, self.end)]
        share = len(self.spoken) / max(1, self.end - self.start)
        middles = [((start + end) / 2 - self.start) * share for start, end in spans]
        offsets, places = zip((0, 0), *self.marks, self._end(samples_per_character), strict=True)
        for (start, end), sample in zip(spans, np.interp(middles, offsets, places), strict=True):
            yield HeardWord(start, end, self.first_sample + max(1, math.ceil(sample)))

    def _end(self, samples_per_character: float) -> tuple[int, int]:
        """Where the sentence ends; estimated while the voice is still speaking it."""
        if self.complete:
            return len(self.spoken), self.samples
        from_offset, from_sample = self.marks[-1] if self.marks else (0, 0)
        rest = int(spoken_length(self.spoken[from_offset:]) * samples_per_character)
        return len(self.spoken), max(self.samples, from_sample + rest)


@dataclass(slots=True)
class SpokenReply:
    """The sentences of one reply, in order, at one output rate."""

    rate_hz: int
    speech_rate: SpeechRate
    sentences: list[SpokenSentence] = field(default_factory=list[SpokenSentence])

    @property
    def samples(self) -> int:
        """How long it is, as far as it has been made."""
        return sum(sentence.samples for sentence in self.sentences)

    def begin_sentence(self, start: int, end: int, spoken: str) -> SpokenSentence:
        """The voice begins the next sentence; its samples follow those of the sentence before."""
        previous = self.sentences[-1] if self.sentences else None
        first = previous.first_sample + previous.samples if previous else 0
        sentence = SpokenSentence(start, end, spoken, first)
        self.sentences.append(sentence)
        return sentence

    def complete_sentence(self, sentence: SpokenSentence) -> None:
        """The voice has finished the sentence."""
        sentence.complete = True
        self.speech_rate.learn(sentence.spoken, sentence.samples / self.rate_hz)

    def words(self, written: str, sentence: SpokenSentence) -> list[HeardWord]:
        """The words of a sentence; estimated while the voice is still speaking it."""
        return list(sentence.words(written, self.rate_hz / self.speech_rate.characters_per_s))

    def heard_text(self, written: str, samples: int) -> str:
        """The beginning of `written` that was heard after `samples` samples: whole words, a prefix of `written`."""
        begun = [sentence for sentence in self.sentences if sentence.first_sample < samples]
        for sentence in reversed(begun):
            heard = [word.end for word in self.words(written, sentence) if word.sample <= samples]
            if heard:
                return written[: heard[-1]]
        return ""
