"""The shared voice engine as a deployment of Ray Serve, seen from a replica of the app."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

from ray.exceptions import NodeDiedError, ObjectLostError, RayActorError, WorkerCrashedError
from ray.serve.exceptions import DeploymentUnavailableError, RequestCancelledError

from backend.engines.shared_voices import CopyLost

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from ray.serve.handle import DeploymentHandle, DeploymentResponseGenerator

    from backend.engines.shared_voices import Description, Order, Part

LOST = (RayActorError, NodeDiedError, ObjectLostError, WorkerCrashedError, DeploymentUnavailableError)


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
            with suppress(*LOST):  # it was about to die
                await self.describe()
                return

    async def speak(self, order: Order) -> AsyncGenerator[Part]:
        """See `SharedEngine.speak`."""
        answer = cast("DeploymentResponseGenerator[Part]", self._handle.options(stream=True).speak.remote(order))
        try:
            async for part in answer:
                yield part
        except LOST as error:
            raise CopyLost(str(error)) from error
        except GeneratorExit:
            answer.cancel()
            with suppress(RequestCancelledError, *LOST):
                await anext(answer, None)  # it ends when the copy has stopped
            raise
