"""The shared voice engine as a deployment of Ray Serve, seen from a replica of the app."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

from ray.exceptions import NodeDiedError, ObjectLostError, RayActorError, WorkerCrashedError
from ray.serve.exceptions import DeploymentUnavailableError, RequestCancelledError

from backend.engines.shared_voices import CopyLost

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from ray.serve.handle import DeploymentHandle, DeploymentResponseGenerator

    from backend.engines.voice_orders import Description, Order, Part

LOST = (RayActorError, NodeDiedError, ObjectLostError, WorkerCrashedError, DeploymentUnavailableError)
ASKS_AGAIN_AFTER_S = 1.0
"""When the copy that was asked is gone, or there is none."""
STOPS_WITHIN_S = 1.0
"""A copy that takes longer to stop is not waited for."""


class RayVoices:
    """See `SharedEngine`. An order goes to the copy of two that has less to do, and waits while all are full."""

    def __init__(self, handle: DeploymentHandle[Any]) -> None:
        self._handle = handle

    async def describe(self) -> Description:
        """Returns when a copy is there."""
        return await self._handle.describe.remote()

    async def answers(self) -> None:
        """See `SharedEngine.answers`."""
        while True:
            with suppress(*LOST):
                await self.describe()
                return
            await asyncio.sleep(ASKS_AGAIN_AFTER_S)

    async def speak(self, order: Order) -> AsyncGenerator[Part]:
        """See `SharedEngine.speak`."""
        answer = cast("DeploymentResponseGenerator[Part]", self._handle.options(stream=True).speak.remote(order))
        over = False
        try:
            async for part in answer:
                yield part
            over = True
        except LOST as error:
            over = True
            raise CopyLost(str(error)) from error
        finally:
            if not over:
                answer.cancel()
                with suppress(RequestCancelledError, TimeoutError, *LOST):
                    async with asyncio.timeout(STOPS_WITHIN_S):
                        async for _ in answer:  # it ends when the copy has stopped
                            pass
