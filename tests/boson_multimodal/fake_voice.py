"""A voice whose sound shows which codes it was given: 960 samples a code, each the code itself."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

import numpy as np


def sound(codes: list[int]) -> bytes:
    """The PCM of some codes."""
    return np.repeat(np.array(codes, dtype="<i2"), 960).tobytes()


@dataclass
class FakeVoice:
    """Holds back `lookahead` codes, as a real one does. `fails` names the call that raises. With `gate`, calls of
    `push` wait until it is set; `pushing` tells that one waits."""

    lookahead: int = 3
    fails: str = ""
    gate: threading.Event | None = None
    pushing: threading.Event = field(default_factory=threading.Event)
    opened: list[tuple[str | None, int | None]] = field(default_factory=list)
    closed: int = 0

    def open_stream(self, voice: str | None, seed: int | None = None) -> FakeStream:
        self.opened.append((voice, seed))
        if self.fails == "open":
            raise RuntimeError("there is no such voice")
        return FakeStream(self)


class FakeStream:
    def __init__(self, voice: FakeVoice) -> None:
        self._voice = voice
        self._codes: list[int] = []
        self._alone = threading.Lock()

    def push(self, ids: list[int]) -> bytes:
        assert self._alone.acquire(blocking=False), "two calls at once"
        try:
            if self._voice.fails == "push":
                raise RuntimeError("out of memory")
            if self._voice.gate is not None:
                self._voice.pushing.set()
                assert self._voice.gate.wait(20)
            self._codes += ids
            certain = max(0, len(self._codes) - self._voice.lookahead)
            ready, self._codes = self._codes[:certain], self._codes[certain:]
            return sound(ready)
        finally:
            self._alone.release()

    def finish(self) -> bytes:
        assert self._alone.acquire(blocking=False), "two calls at once"
        if self._voice.fails == "finish":
            raise RuntimeError("out of memory")
        self._alone.release()
        return sound(self._codes)

    def close(self) -> None:
        assert self._alone.acquire(blocking=False) or self._voice.fails == "finish", "closed during a call"
        self._voice.closed += 1
