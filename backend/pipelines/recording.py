"""One utterance on its way to the recogniser: its audio, the pause it may be in, and what is understood so far.

Knows nothing of voice activity, of when a turn is over, or of who recognises.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import anyio

from backend.engines.interfaces import Pause
from backend.lines import new_id
from backend.utterance import Utterance

if TYPE_CHECKING:
    from collections.abc import Iterable

    from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream


@dataclass(slots=True, eq=False)
class Recording:
    """An utterance, being spoken or waiting to be recognised. Times are of the pipeline's clock."""

    audio: MemoryObjectReceiveStream[bytes | Pause]
    voiced_at: float
    """When the last voiced window had arrived."""
    _sender: MemoryObjectSendStream[bytes | Pause]
    pauses: int = 0
    paused: bool = False
    """Whether the last pause is still going on."""
    text: str | None = None
    """What was said up to this pause, once the recogniser has answered."""
    likely_end_told: bool = False
    concluded: bool = False
    """Whether it is known what was said, or that it cannot be."""
    discarded: bool = False
    """Whether nobody wants to know any more."""
    line: str = field(default_factory=new_id)
    """The id that what is said will have in the conversation."""
    _decided_at: float | None = None
    _paused_at: float = 0.0
    _answered_at: float = 0.0
    _held: list[bytes] = field(default_factory=list[bytes])
    """The silence of this pause, passed on when speech goes on."""

    @classmethod
    def begin(cls, opening: Iterable[bytes], at: float, longest: int) -> Recording:
        """An utterance of at most `longest` items, which begins with `opening`."""
        sender, audio = anyio.create_memory_object_stream[bytes | Pause](longest)
        recording = cls(audio, at, sender)
        for window in opening:
            recording._send(window)
        return recording

    def speak(self, window: bytes, at: float) -> bool:
        """A voiced window; whether there was room for it."""
        self.voiced_at = at
        held, self._held = self._held, []
        self.paused, self.text, self.likely_end_told = False, None, False
        return all(self._send(item) for item in (*held, window))

    def be_quiet(self, window: bytes) -> bool:
        """An unvoiced window; whether there was room for it."""
        if self.paused:
            self._held.append(window)
            return True
        return self._send(window)

    def pause(self, at: float) -> None:
        """Ask the recogniser: the person may have finished."""
        if not self.paused and self._send(Pause()):
            self.paused, self._paused_at = True, at
            self.pauses += 1

    def answered(self, text: str, at: float) -> None:
        """The recogniser has answered the pause that is going on."""
        self.text, self._answered_at = text, at

    def decide(self, at: float) -> None:
        """The person has finished."""
        self._decided_at = at
        self._sender.close()

    @property
    def decided(self) -> bool:
        """Whether the person has finished."""
        return self._decided_at is not None

    def close(self) -> None:
        """Nobody will recognise this."""
        self._sender.close()
        self.audio.close()

    def utterance(self, text: str, at: float) -> Utterance:
        """What was said, known at `at`."""
        decided_at = at if self._decided_at is None else self._decided_at
        ahead_s = 0.0
        if self.paused:
            ahead_s = (decided_at if self.text is None else min(self._answered_at, decided_at)) - self._paused_at
        ahead_s = max(0.0, ahead_s)
        return Utterance(
            text="" if self.discarded else text.strip(),
            source="speech",
            ended_at=self.voiced_at,
            decided_at=decided_at,
            transcribed_at=at,
            ahead_s=ahead_s,
            discarded=self.discarded,
            line=self.line,
        )

    def _send(self, item: bytes | Pause) -> bool:
        try:
            self._sender.send_nowait(item)
        except anyio.BrokenResourceError:
            pass  # recognition of this utterance has failed and was reported
        except anyio.WouldBlock:
            return False
        return True
