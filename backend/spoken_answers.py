"""What was said in answers that clients may refer to later, by the id of their audio. Knows nothing of wire formats."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

KEPT_S = 3600
MOST_ANSWERS = 10_000
MOST_BYTES = 16 << 20


@dataclass(frozen=True, slots=True)
class SpokenAnswer:
    """The words, until when they are kept (seconds since 1970), and the id of the character who said them."""

    transcript: str
    expires_at: int
    character: str | None = None


class SpokenAnswers:
    """The answers of the last hour; where they are too many the oldest go first.

    `clock` counts seconds since 1970.
    """

    def __init__(
        self, clock: Callable[[], float] = time.time, *, most: int = MOST_ANSWERS, most_bytes: int = MOST_BYTES
    ) -> None:
        self._clock = clock
        self._most = most
        self._most_bytes = most_bytes
        self._bytes = 0
        self._answers: dict[str, SpokenAnswer] = {}
        """Oldest first."""

    def keep(self, audio_id: str, transcript: str, character: str | None = None) -> SpokenAnswer:
        """Remember an answer under a new id."""
        now = self._clock()
        answer = SpokenAnswer(transcript, int(now) + KEPT_S, character)
        self._answers[audio_id] = answer
        self._bytes += _size(answer)
        while self._answers:
            oldest = next(iter(self._answers))
            fits = len(self._answers) <= self._most and self._bytes <= self._most_bytes
            if fits and self._answers[oldest].expires_at > now:
                break
            self._bytes -= _size(self._answers.pop(oldest))
        return answer

    def find(self, audio_id: str) -> SpokenAnswer | None:
        """The answer with that id, if it is still kept."""
        answer = self._answers.get(audio_id)
        return answer if answer is not None and answer.expires_at > self._clock() else None


def _size(answer: SpokenAnswer) -> int:
    return len(answer.transcript.encode(errors="surrogatepass"))
