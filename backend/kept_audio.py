"""The sound of replies, gathered while it goes out, for conversations whose client wants it kept.

Knows nothing of where it is kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from backend import events
from backend.audio import SAMPLE_BYTES
from backend.encoding import encoded

if TYPE_CHECKING:
    from backend.events import Event

LONGEST_REPLY_S = 600
"""Of a longer reply only the beginning is kept."""


@dataclass(frozen=True, slots=True)
class HeardReply:
    """What was heard of the reply that is this line: PCM16LE mono."""

    line: str
    rate_hz: int
    pcm: bytes

    def flac(self) -> bytes:
        """The same as a file. Takes about 1 ms for a second of sound."""
        return encoded("flac", self.pcm, self.rate_hz)


class KeptAudio:
    """`note` every event; `take` what has been heard of the replies that are over."""

    def __init__(self) -> None:
        self._open: dict[tuple[int, int], bytearray] = {}
        self._rate_hz: int | None = None
        """Of the newest turn; `None` when its sound is not kept."""
        self._over: list[HeardReply] = []

    def note(self, event: Event, rate_hz: int | None) -> None:
        """The client is told this. The sound of a turn that begins now has `rate_hz`, or is not kept."""
        match event:
            case events.TurnStarted(turn) if turn > 0:
                self._open.clear()
                self._rate_hz = rate_hz
            case events.AudioFrame(turn, reply, pcm=pcm) if turn > 0 and self._rate_hz is not None:
                sound = self._open.setdefault((turn, reply), bytearray())
                if len(sound) < LONGEST_REPLY_S * self._rate_hz * SAMPLE_BYTES:
                    sound += pcm
            case events.ReplyDone(turn, reply, message_id=line, heard_samples=heard) if self._rate_hz is not None:
                sound = self._open.pop((turn, reply), b"")[: heard * SAMPLE_BYTES]
                if sound:
                    self._over.append(HeardReply(line, self._rate_hz, bytes(sound)))
            case _:
                pass

    def take(self) -> list[HeardReply]:
        """What has been heard since this was last asked."""
        over, self._over = self._over, []
        return over
