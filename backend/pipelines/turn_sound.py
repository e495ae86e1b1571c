"""How one person sounds at each pause: the question to the turn model and its answer, or the melody of the voice.

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
from backend.pipelines.intonation import HEARD_MS, final_rise
from backend.pipelines.turn_detection import Sound
from backend.pipelines.voice_activity import WINDOW_MS

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterable

    from backend.engines.interfaces import TurnModel

log = logging.getLogger(__name__)

MODEL_ASKED_AFTER_MS = 192
"""Silence after which the model is asked: it is trained on speech that ends with about 200 ms of it."""

MELODY_JUDGED_AFTER_MS = 96

MOST_ENDS_WITHOUT_FALL = 2
"""Turns in a row that end so; of whoever speaks like that, the melody tells nothing until a turn ends otherwise."""


class TurnSound:
    """Hears one person. `model` is asked once in each pause, and `known` called when `sound` has become known."""

    def __init__(self, model: TurnModel | None, known: Callable[[], None]) -> None:
        """Without a model, the melody is judged."""
        self._model = model
        self._known = known
        self._heard: deque[bytes] = deque(maxlen=(TURN_MODEL_S * 1000 if model else HEARD_MS) // WINDOW_MS)
        self._tasks: asyncio.TaskGroup | None = None
        self._asking: asyncio.Task[None] | None = None
        self._has_failed = False
        self._asked = False
        self._does_not_fall = False
        self._ends_without_fall = 0
        self.asked_after_ms = MODEL_ASKED_AFTER_MS if model else MELODY_JUDGED_AFTER_MS
        """How long it has to be quiet."""
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
        """It has been quiet for `asked_after_ms` or longer."""
        if self._asked:
            return
        if self._model is None:
            self._asked = True
            sound = Sound.by_rise(final_rise(b"".join(self._heard)))
            self._does_not_fall = sound is not Sound.NOT_JUDGED
            self.sound = sound if self._ends_without_fall < MOST_ENDS_WITHOUT_FALL else Sound.NOT_JUDGED
        elif self._tasks is not None:
            self._asked = True
            question = self._ask(self._model, b"".join(self._heard))
            self._asking = self._tasks.create_task(question, name="turn model")

    def end(self) -> None:
        """The utterance is over, with this pause if there was one."""
        self._ends_without_fall = self._ends_without_fall + 1 if self._does_not_fall else 0
        self.forget()

    def forget(self) -> None:
        """The pause is over: an answer that has not come is not waited for."""
        if self._asking is not None:
            self._asking.cancel()
        self._asking, self._asked, self._does_not_fall, self.sound = None, False, False, self._not_yet

    async def _ask(self, model: TurnModel, pcm: bytes) -> None:
        try:
            self.sound = Sound.of(await model.finished(pcm))
        except EngineError as error:
            self.sound = Sound.NOT_JUDGED
            if not self._has_failed:
                log.warning("the turn model failed, the words decide alone: %s", error)
            self._has_failed = True
        self._known()
