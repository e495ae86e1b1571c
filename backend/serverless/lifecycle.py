"""The one voice engine of the process: loaded for the first job, shared by all, unloaded when no job has come for a
while. A breaker keeps a model that cannot be loaded from being tried for every job."""

from __future__ import annotations

import asyncio
import logging
import math
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from backend.errors import VoiceChatError
from backend.serverless.errors import JobError
from backend.serverless.memory import memory

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from backend.engines.interfaces import TextToSpeech
    from backend.serverless.breaker import Breaker
    from backend.serverless.metrics import WorkerMetrics

log = logging.getLogger(__name__)


class Lifecycle:
    """Loads and unloads `engine`. A task of its own holds it, so that a job that is cancelled while the model loads
    leaves a whole model to the next one."""

    def __init__(self, engine: TextToSpeech, breaker: Breaker, idle_s: float, metrics: WorkerMetrics) -> None:
        self.engine = engine
        self.load_s: float | None = None
        """How long the last load took."""
        self._breaker = breaker
        self._idle_s = idle_s
        self._metrics = metrics
        self._users = 0
        self._holding: asyncio.Task[None] | None = None
        self._entered: asyncio.Future[None] | None = None
        self._leave = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None

    @asynccontextmanager
    async def use(self) -> AsyncGenerator[TextToSpeech]:
        """The engine, loaded. Raises `JobError` of type `model_error` when it cannot be, or is not tried now."""
        self._users += 1
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        try:
            await self._load()
            yield self.engine
        finally:
            self._users -= 1
            if self._loaded:
                self._leave_when_idle()

    @property
    def state(self) -> str:
        """`unloaded`, `loading`, `loaded` or `failed`."""
        if self._loaded:
            return "loaded"
        if self._holding is not None and not self._holding.done():
            return "unloading" if self._leave.is_set() else "loading"
        return "failed" if self._breaker.failures else "unloaded"

    @property
    def given_up(self) -> bool:
        """Whether it is not tried to load it now."""
        return self._breaker.state == "open"

    def not_ready(self) -> str | None:
        """Why a job would not be served now; `None` when it would, though it may have to wait for the model."""
        if not self._breaker.failures:
            return None
        said = f"the model could not be loaded, {self._breaker.failures} times in a row: {self._breaker.last_error}"
        if self.given_up:
            return f"{said} (circuit breaker open; next attempt in {math.ceil(self._breaker.retry_after_s)} s)"
        return said

    def health(self) -> dict[str, Any]:
        """For operators."""
        return {
            "name": self.engine.name,
            "stand_in": self.engine.stand_in,
            "detail": self.engine.detail,
            "state": self.state,
            "load_seconds": self.load_s,
            "jobs": self._users,
            "breaker": {
                "state": self._breaker.state,
                "failures": self._breaker.failures,
                "retry_after_seconds": math.ceil(self._breaker.retry_after_s),
                "last_error": self._breaker.last_error or None,
            },
            "memory": memory(),
        }

    async def close(self) -> None:
        """Unload it now, whoever uses it."""
        if self._timer is not None:
            self._timer.cancel()
        if self._holding is not None:
            self._holding.cancel()
            await asyncio.wait((self._holding,))

    @property
    def _loaded(self) -> bool:
        done = self._entered is not None and self._entered.done()
        return done and self._holding is not None and not self._holding.done() and not self._leave.is_set()

    async def _load(self) -> None:
        while self._holding is not None and not self._holding.done() and self._leave.is_set():
            await asyncio.wait((self._holding,))
        if self._holding is None or self._holding.done():
            self._check_breaker()
            self._leave = asyncio.Event()
            self._entered = asyncio.get_running_loop().create_future()
            self._entered.add_done_callback(_retrieved)
            self._holding = asyncio.create_task(self._hold(self._entered, self._leave), name="model")
        assert self._entered is not None
        await asyncio.shield(self._entered)

    def _leave_when_idle(self) -> None:
        if not self._users:
            self._timer = asyncio.get_running_loop().call_later(self._idle_s, self._leave.set)

    def _check_breaker(self) -> None:
        if not self.given_up:
            return
        seconds = math.ceil(self._breaker.retry_after_s)
        message = f"the model could not be loaded and is not tried again for {seconds} s: {self._breaker.last_error}"
        details = {"failures": self._breaker.failures, "retry_after_seconds": seconds}
        raise JobError("model_error", "MODEL_UNAVAILABLE", message, details)

    async def _hold(self, entered: asyncio.Future[None], leave: asyncio.Event) -> None:
        """Load, wait until the engine is to go, unload."""
        clock = asyncio.get_running_loop().time
        begun = clock()
        try:
            async with self.engine:
                self.load_s = round(clock() - begun, 3)
                self._breaker.succeeded()
                self._metrics.loads.labels("ok").inc()
                log.info("model loaded", extra={"engine": self.engine.name, "load_s": self.load_s, **memory()})
                entered.set_result(None)
                self._leave_when_idle()  # whoever it was loaded for may be gone
                await leave.wait()
        except Exception as error:
            if entered.done():
                log.exception("the model could not be unloaded")
                return
            known = isinstance(error, VoiceChatError)
            said = str(error) if known else f"{type(error).__name__}: {error}"
            log.error("the model could not be loaded: %s", said, exc_info=None if known else error)
            self._breaker.failed(said)
            self._metrics.loads.labels("failed").inc()
            details = {"failures": self._breaker.failures, "breaker": self._breaker.state}
            message = f"the model could not be loaded: {said}"
            entered.set_exception(JobError("model_error", "MODEL_LOAD_FAILED", message, details))
        else:
            log.info("model unloaded", extra={"engine": self.engine.name, **memory()})
        finally:
            if not entered.done():
                entered.cancel()


def _retrieved(entered: asyncio.Future[None]) -> None:
    """A failure that no job is left to hear of is no bug."""
    if not entered.cancelled():
        entered.exception()
