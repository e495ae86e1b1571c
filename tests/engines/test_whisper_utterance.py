"""What is read of an utterance, and how long ones are cut."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest

from backend.audio import SAMPLE_BYTES, sample_count, seconds, to_float
from backend.engines.interfaces import HEARING_RATE_HZ, Pause, Transcript
from backend.engines.whisper_utterance import PARTIAL_BYTES, PROMPT_CHARACTERS, Passage, Urgency, Utterance
from backend.engines.whisper_window import FULL_S, Window
from backend.engines.whisper_words import Word, split

SPEECH_S = 95
WORD_SAMPLES, GAP_SAMPLES = 3200, 2400


def scripted_speech(words: int) -> bytes:
    """Word number k is 200 ms at a level of its own, then 150 ms of silence."""
    samples = np.zeros((words, WORD_SAMPLES + GAP_SAMPLES), "<i2")
    samples[:, :WORD_SAMPLES] = 1000 + 100 * np.arange(words)[:, None]
    return samples.tobytes()


def understood(pcm: bytes, late_s: float = 0.0) -> list[Word]:
    """The words of `scripted_speech` in a piece of it, timed `late_s` too late; half a word is no word."""
    levels = np.round(np.concatenate(([0], to_float(pcm) * 32768, [0]))).astype(int)
    edges = np.flatnonzero(np.diff(levels))
    words = []
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        text = f" w{(levels[end] - 1000) // 100}" if end - start == WORD_SAMPLES else " half"
        words.append(Word(text, start / HEARING_RATE_HZ + late_s, end / HEARING_RATE_HZ + late_s))
    return words


def all_words(count: int) -> str:
    return " ".join(f"w{index}" for index in range(count))


class Listener:
    """Has an utterance read whenever it asks for it, and keeps everything that was read and told."""

    def __init__(self, read=understood) -> None:
        self.utterance = Utterance()
        self.passages: list[Passage] = []
        self.told: list[Transcript] = []
        self._read = read

    def hear(self, *items: bytes | Pause | None) -> Transcript:
        """What was told last after these items."""
        for item in items:
            assert self.utterance.listening
            self._tell(self.utterance.hear(item))
            while self.utterance.urgency is not None and not self.utterance.finished:
                passage = self.utterance.passage()
                self.passages.append(passage)
                self._tell(self.utterance.read(passage, self._read(passage.pcm)))
        return self.told[-1]

    def _tell(self, transcript: Transcript | None) -> None:
        if transcript is not None:
            self.told.append(transcript)


def pieces(pcm: bytes, size: int) -> list[bytes]:
    return [pcm[start : start + size] for start in range(0, len(pcm), size)]


def test_nothing_said_is_nothing_to_read():
    """No audio is an empty transcript that costs no decoding, for a pause as at the end."""
    listener = Listener()
    assert listener.hear(Pause()) == Transcript("", final=False, pauses=1)
    assert listener.hear(b"", None) == Transcript("", final=True)
    assert listener.passages == []


def test_a_pause_is_answered_once_and_stands_for_the_end():
    """What was read for a pause, or before it, is read a second time neither for another pause nor for the end."""
    listener = Listener()
    assert listener.hear(scripted_speech(3), Pause()) == Transcript("w0 w1 w2", final=False, pauses=1)
    assert listener.hear(Pause()) == Transcript("w0 w1 w2", final=False, pauses=2)
    assert listener.hear(None) == Transcript("w0 w1 w2", final=True)
    assert len(listener.passages) == 1


def test_speech_after_a_pause_takes_its_answer_back():
    """A reading that was asked for by a pause is only a partial transcript once more has been said."""
    utterance, speech = Utterance(), scripted_speech(3)
    utterance.hear(speech[:-2])
    utterance.hear(Pause())
    assert utterance.urgency == Urgency.ANSWER
    passage = utterance.passage()
    utterance.hear(speech[-2:])
    assert utterance.urgency is None
    assert utterance.read(passage, split(" w0 w1")) == Transcript("w0 w1", final=False)
    utterance.hear(Pause())
    assert utterance.urgency == Urgency.ANSWER
    assert utterance.read(utterance.passage(), split(" w0 w1 w2")) == Transcript("w0 w1 w2", final=False, pauses=2)


def test_half_a_second_is_worth_a_partial():
    """Speech is read again for each half second of new audio, and not more often."""
    listener = Listener()
    listener.hear(*pieces(bytes(4 * PARTIAL_BYTES), PARTIAL_BYTES // 4))
    assert [len(passage.pcm) for passage in listener.passages] == [count * PARTIAL_BYTES for count in (1, 2, 3, 4)]


@pytest.mark.parametrize("late_s", [0.0, 0.12, -0.12])
@pytest.mark.parametrize("size", [PARTIAL_BYTES, 20_001, SPEECH_S * HEARING_RATE_HZ * SAMPLE_BYTES])
def test_long_speech_keeps_every_word(monkeypatch, size, late_s):
    """95 seconds are cut between words however they arrive and however badly words are timed: each word comes out
    once, no partial transcript takes back what an earlier one had in full, and never more than the window is kept."""
    kept = []
    take = Window.take

    def watched(self, pcm):
        rest = take(self, pcm)
        kept.append(len(self))
        return rest

    monkeypatch.setattr(Window, "take", watched)
    count = SPEECH_S * HEARING_RATE_HZ // (WORD_SAMPLES + GAP_SAMPLES)
    listener = Listener(lambda pcm: understood(pcm, late_s))
    assert listener.hear(*pieces(scripted_speech(count), size), None).text == all_words(count)
    assert max(kept) <= FULL_S * HEARING_RATE_HZ * SAMPLE_BYTES < 30 * HEARING_RATE_HZ * SAMPLE_BYTES
    assert all(all_words(count).startswith(told.text.removesuffix(" half")) for told in listener.told)


def test_what_is_confirmed_is_cut_off_before_the_window_is_full():
    """Speech that is read as it is spoken is cut at about 20 seconds, so each reading stays short."""
    listener = Listener()
    listener.hear(*pieces(scripted_speech(250), PARTIAL_BYTES), None)
    assert not any(passage.closed for passage in listener.passages)
    assert max(seconds(passage.pcm, HEARING_RATE_HZ) for passage in listener.passages) <= 21


@pytest.mark.parametrize("size", [PARTIAL_BYTES, 10_000_000])
def test_every_sample_is_read_although_nothing_is_confirmed(size):
    """Where no two readings agree the cut goes through the quietest place, and both sides of it are read."""
    random = Random(0)
    loud = np.random.default_rng(0).integers(-9000, 9000, 70 * HEARING_RATE_HZ).astype("<i2")
    quiet = 26 * HEARING_RATE_HZ
    loud[quiet : quiet + 1600] //= 8
    listener = Listener(lambda pcm: split(f" {random.random()} {len(pcm)}"))
    final = listener.hear(*pieces(loud.tobytes(), size), None)
    *_, last = listener.passages
    closed = [passage for passage in listener.passages if passage.closed]
    assert b"".join(passage.pcm for passage in (*closed, last)) == loud.tobytes()
    assert sample_count(closed[0].pcm) == quiet + 800
    assert [text for text in final.text.split() if "." not in text] == [str(len(p.pcm)) for p in (*closed, last)]
    assert all(seconds(passage.pcm, HEARING_RATE_HZ) <= FULL_S for passage in listener.passages)


def test_the_model_is_told_how_it_went_on():
    """After a cut the model is given the last words before it, whole ones, and no more than a few lines."""
    listener = Listener()
    listener.hear(*pieces(scripted_speech(250), PARTIAL_BYTES), None)
    prompts = [passage.prompt for passage in listener.passages]
    assert prompts[0] == ""
    assert PROMPT_CHARACTERS - 5 < len(prompts[-1]) <= PROMPT_CHARACTERS
    read = understood(listener.passages[-1].pcm)
    assert listener.told[-1].text.endswith(f" {prompts[-1]}{''.join(word.text for word in read)}")
