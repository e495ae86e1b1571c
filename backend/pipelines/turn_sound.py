"""How one person sounds at each pause: the question to the turn model, and its answer.

Knows nothing of words, of voice activity, or of how long a silence ends a turn.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from backend.engines.interfaces import TURN_MODEL_S
from backend.errors import EngineError
from backend.pipelines.turn_detection import Sound
from backend.pipelines.voice_activity import WINDOW_MS

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterable

    from backend.engines.interfaces import TurnModel

log = logging.getLogger(__name__)

ASKED_AFTER_MS = 192
"""Silence after which the model is asked: it is trained on speech that ends with about 200 ms of it."""


class TurnSound:
    """Hears one person. `model` is asked once in each pause, and `known` called when `sound` has become known."""

    def __init__(self, model: TurnModel | None, known: Callable[[], None]) -> None:
        """Without a model, no audio is kept and no pause is judged."""
        self._model = model
        self._known = known
        self._heard: deque[bytes] = deque(maxlen=TURN_MODEL_S * 1000 // WINDOW_MS if model else 0)
        self._tasks: asyncio.TaskGroup | None = None
        self._asking: asyncio.Task[None] | None = None
        self._has_failed = False
        self.sound = self._not_yet = Sound.NOT_KNOWN if model else Sound.NOT_JUDGED
        """At the pause that is going on."""

    @asynccontextmanager
    async def asking(self) -> AsyncGenerator[None]:
        """The model is asked while this lasts; a question that is open at the end is given up."""
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            try:
                yield
            finally:
                self._tasks = None
                self.forget()

    def begin(self, opening: Iterable[bytes]) -> None:
        """An utterance begins with these windows."""
        self._heard.clear()
        self._heard.extend(opening)

    def speak(self, window: bytes) -> None:
        """A voiced window: whatever the pause before it sounded like, it was not the end."""
        self._heard.append(window)
        self.forget()

    def be_quiet(self, window: bytes) -> None:
        """An unvoiced window."""
        self._heard.append(window)

    def ask(self) -> None:
        """It has been quiet for `ASKED_AFTER_MS` or longer."""
        if self._model is not None and self._tasks is not None and self._asking is None:
            question = self._ask(self._model, b"".join(self._heard))
            self._asking = self._tasks.create_task(question, name="turn model")

    def forget(self) -> None:
        """The pause, or the utterance, is over: an answer that has not come is not waited for."""
        if self._asking is not None:
            self._asking.cancel()
        self._asking, self.sound = None, self._not_yet

    async def _ask(self, model: TurnModel, pcm: bytes) -> None:
        try:
            self.sound = Sound.of(await model.finished(pcm))
        except EngineError as error:
            self.sound = Sound.NOT_JUDGED
            if not self._has_failed:
                log.warning("the turn model failed, the words decide alone: %s", error)
            self._has_failed = True
        self._known()
