"""One exchange: a line the person says, and everything the server sends because of it.

A recording may hold a pause that the server takes for its end; the turn that then begins is cut off by the rest of the
recording. The exchange is over with the turn that answers all of it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from backend.client.connection import Event

PATIENCE_S = 30.0
"""A server that sends nothing at all for this long, although an answer is due, has failed the turn."""


class Exchange:
    """Is told of everything that is said and received, from before the line is begun until `finished`."""

    def __init__(self, patience_s: float = PATIENCE_S) -> None:
        self._patience_s = patience_s
        self._input_over = False
        self._utterances = 0  # begun and not yet understood
        self._news = asyncio.Event()
        self.turn: int | None = None
        """The turn that answers, once it has started."""
        self.outcome: str | None = None
        """`completed`, `interrupted` or `failed`, once the turn is done."""
        self.ledger: list[dict[str, Any]] = []
        self.errors: list[str] = []
        """What the server reported as errors, each as `code: message`."""
        self.problem: str | None = None
        """Why there was no complete answer, when the server did not report it as an error."""

    @property
    def finished(self) -> bool:
        """True when nothing more will come."""
        if not self._input_over or self._utterances:
            return False
        return self.outcome is not None or (self.turn is None and self.failure is not None)

    @property
    def failure(self) -> str | None:
        """Why the line was not answered as it should have been; `None` while it may be, or has been."""
        return None if self.outcome == "completed" else next(reversed(self.errors), self.problem)

    async def end(self) -> None:
        """Return when finished, which it also is when the server falls silent."""
        try:
            while not self.finished:
                self._news.clear()
                async with asyncio.timeout(self._patience_s):
                    await self._news.wait()
        except TimeoutError:
            self.outcome, self.problem = "failed", f"the server has sent nothing for {self._patience_s:g} s"

    def said(self) -> None:
        """All of the line has been sent."""
        self._input_over = True
        self._news.set()

    def audio_received(self) -> None:
        """The server is alive."""
        self._news.set()

    def take(self, event: Event) -> None:
        """Learn from the next event."""
        match event["type"]:
            case "speech.started":
                self._utterances += 1
            case "transcript.final":
                self._understood(event["text"])
            case "turn.started":
                self.turn, self.outcome, self.problem, self.errors = event["turn"], None, None, []
            case "turn.done" if event["turn"] == self.turn:
                self._done(event)
            case "error":
                self._error(event)
            case _:
                pass
        self._news.set()

    def _understood(self, text: str) -> None:
        self._utterances = max(0, self._utterances - 1)
        if text:
            self.turn = self.outcome = self.problem = None
        elif self.turn is None:
            self.problem = "the server understood no words"

    def _done(self, event: Event) -> None:
        self.outcome, self.ledger = event["outcome"], event["ledger"]
        if self.outcome != "completed":
            self.problem = f"the turn was {self.outcome}" if self.outcome == "interrupted" else "the turn failed"

    def _error(self, event: Event) -> None:
        if event["code"] == "stt_error":
            self._utterances = max(0, self._utterances - 1)
        self.errors.append(f"{event['code']}: {event['message']}")
