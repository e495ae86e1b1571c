"""From samples heard to words heard: which part of a written reply has reached the listener.

A reply is a sequence of sentences; each is a span of the written text and a run of samples. Within a sentence the
voice's own word marks decide, and where it gives none, the sentence's audio is shared out among its characters.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

TYPICAL_CHARACTERS_PER_S = 15.0
"""English at about 165 words a minute; used until the voice has spoken a whole sentence."""

_WORD = re.compile(r"\S+")


@dataclass(slots=True)
class SpeechRate:
    """How fast a voice speaks, learnt from the sentences it has finished. Kept with the voice, across turns."""

    characters_per_s: float = TYPICAL_CHARACTERS_PER_S
    _learnt: bool = False

    def learn(self, characters: int, seconds: float) -> None:
        """A sentence of so many spoken characters took so long."""
        if characters > 0 and seconds > 0:
            rate = characters / seconds
            self.characters_per_s = 0.5 * (self.characters_per_s + rate) if self._learnt else rate
            self._learnt = True


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

    def characters_heard(self, samples: int, samples_per_character: float) -> float:
        """Spoken characters heard after `samples` samples of this sentence."""
        if self.complete and samples >= self.samples:
            return len(self.spoken)
        before, after = (0, 0), self._end(samples_per_character)
        for mark in self.marks:
            if mark[1] <= samples:
                before = mark
            else:
                after = mark
                break
        span = max(1, after[1] - before[1])
        return before[0] + (after[0] - before[0]) * min(1.0, (samples - before[1]) / span)

    def _end(self, samples_per_character: float) -> tuple[int, int]:
        """Where the sentence ends; estimated while the voice is still speaking it."""
        if self.complete:
            return len(self.spoken), self.samples
        from_offset, from_sample = self.marks[-1] if self.marks else (0, 0)
        rest = int((len(self.spoken) - from_offset) * samples_per_character)
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
        self.speech_rate.learn(len(sentence.spoken), sentence.samples / self.rate_hz)

    def heard_text(self, written: str, samples: int) -> str:
        """The beginning of `written` that was heard after `samples` samples: whole words, a prefix of `written`.

        A word counts as heard once half of it was.
        """
        heard_to = 0
        for sentence in self.sentences:
            inside = samples - sentence.first_sample
            if inside <= 0:
                break
            if sentence.complete and inside >= sentence.samples:
                heard_to = sentence.end
                continue
            characters = sentence.characters_heard(inside, self.rate_hz / self.speech_rate.characters_per_s)
            share = characters / max(1, len(sentence.spoken))
            heard_to = _word_boundary(written, sentence.start, sentence.end, share)
            break
        return written[:heard_to].rstrip()


def _word_boundary(written: str, start: int, end: int, share: float) -> int:
    """End of the last word of `written[start:end]` whose middle lies within the given share of the span."""
    reached = start + share * (end - start)
    boundary = start
    for word in _WORD.finditer(written, start, end):
        if (word.start() + word.end()) / 2 > reached:
            break
        boundary = word.end()
    return boundary
