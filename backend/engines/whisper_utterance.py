"""One utterance as Whisper recognises it: what was heard, what has to be read next, and what is to be told.

Does nothing by itself: audio comes in by `hear`, the model's words by `read`. Knows nothing of tasks, threads or the
model.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

from backend.audio import SAMPLE_BYTES, seconds
from backend.engines.interfaces import HEARING_RATE_HZ, Pause, Transcript
from backend.engines.whisper_model import TIMED_FROM_S
from backend.engines.whisper_window import FULL_S, Window
from backend.engines.whisper_words import Agreement, Word, join, text_of

if TYPE_CHECKING:
    from collections.abc import Sequence

PARTIAL_BYTES = HEARING_RATE_HZ // 2 * SAMPLE_BYTES
"""New audio (half a second) after which what was said so far is read again."""

LEAST_CUT_S = 10
"""Less than this is not cut off: what is left would be long again at once."""

MARGIN_S = 0.1
"""How far off Whisper's word times may be."""

LOOK_BACK_S = 4
"""A full window without confirmed words is cut in its last part."""

PROMPT_CHARACTERS = 200


class Urgency(IntEnum):
    """Why something has to be read; the lower, the sooner."""

    ANSWER = 0
    """Somebody waits for what was said, or there is no room for more."""
    PARTIAL = 1


@dataclass(frozen=True, slots=True)
class Passage:
    """Audio to be read, and the text that came before it."""

    pcm: bytes
    prompt: str
    heard: int
    """How much of the utterance had been heard, in bytes."""
    closed: bool
    """Its audio is never read again, whatever follows."""


class Utterance:
    """What one person says, from the first audio to the final transcript.

    The text is `settled` (its audio is gone) and what the window is read as.
    """

    def __init__(self) -> None:
        self.finished = False
        """Whether the final transcript has been told."""
        self._window = Window()
        self._crowded_out = memoryview(b"")
        """Audio there is no room for yet."""
        self._settled = ""
        self._agreement = Agreement()
        self._heard = 0
        self._read_to = 0
        self._text: str | None = ""
        """Everything heard, read in one piece; `None` while something has not been read."""
        self._pauses = 0
        self._owed = False
        self._ended = False

    @property
    def listening(self) -> bool:
        """Whether more may be heard now."""
        return not self._ended and not self._crowded_out

    @property
    def urgency(self) -> Urgency | None:
        """How urgently a passage has to be read; `None` when none has."""
        if self._crowded_out or (self._text is None and (self._owed or self._ended)):
            return Urgency.ANSWER
        return Urgency.PARTIAL if self._heard - self._read_to >= PARTIAL_BYTES else None

    def hear(self, item: bytes | Pause | None) -> Transcript | None:
        """Take the next item of the audio, `None` for its end. Returns what can be told for it without reading."""
        match item:
            case None:
                self._ended = True
            case Pause():
                self._pauses += 1
                self._owed = True
            case pcm if pcm:
                self._owed, self._text = False, None
                self._crowded_out = memoryview(pcm)
                self._make_room(0)
            case _:
                pass
        return self._answer()

    def passage(self) -> Passage:
        """What has to be read now. One passage is read at a time."""
        closed = bool(self._crowded_out)
        end = self._window.quietest(FULL_S - LOOK_BACK_S, FULL_S)[1] if closed else len(self._window)
        self._read_to = self._heard
        return Passage(self._window.audio(end), _ending(self._settled), self._heard, closed)

    def read(self, passage: Passage, words: Sequence[Word]) -> Transcript | None:
        """Take what the model has read in a passage. Returns what there is to tell."""
        if passage.closed:
            self._settle(self._agreement.close(words), len(passage.pcm))
            return None
        whole = join(self._settled, text_of(words))
        self._agreement.update(words)
        if seconds(passage.pcm, HEARING_RATE_HZ) >= TIMED_FROM_S:
            self._cut()
        if passage.heard == self._heard and not self._crowded_out:
            self._text = whole
        return self._answer() or Transcript(join(self._settled, self._agreement.text), final=False)

    def _answer(self) -> Transcript | None:
        """The transcript that is waited for, once everything has been read."""
        if self._text is None or not (self._owed or self._ended):
            return None
        self._owed, self.finished = False, self._ended
        return Transcript(self._text, final=self._ended, pauses=0 if self._ended else self._pauses)

    def _cut(self) -> None:
        """Settle confirmed words, up to the quietest place between two of them."""
        places = [
            (*self._window.quietest(min(end_s, start_s) - MARGIN_S, max(end_s, start_s) + MARGIN_S), count)
            for count, end_s, start_s in self._agreement.boundaries()
            if end_s >= LEAST_CUT_S
        ]
        if places:
            _, position, count = min(places, key=lambda place: (place[0], -place[1]))
            self._settle(self._agreement.drop(count), position)

    def _settle(self, text: str, position: int) -> None:
        """The audio before `position` says `text` and is not needed any more."""
        self._settled = join(self._settled, text)
        self._make_room(position)

    def _make_room(self, position: int) -> None:
        self._window.drop(position)
        before = len(self._window)
        self._crowded_out = self._window.take(self._crowded_out)
        self._heard += len(self._window) - before


def _ending(text: str) -> str:
    """The last words of `text`, as many as help the model to go on."""
    if len(text) <= PROMPT_CHARACTERS:
        return text
    ending = text[-PROMPT_CHARACTERS:]
    return ending.partition(" ")[2] or ending
