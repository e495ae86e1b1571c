"""A worker as RunPod's SDK takes it: one function, from a job to its outputs."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from backend.serverless.worker import Worker


def handler_for(worker: Worker) -> Callable[[dict[str, Any]], AsyncGenerator[dict[str, Any]]]:
    """The handler of `worker`. The SDK streams the outputs only of what `inspect` calls an async generator function,
    so it is one, and no method or partial."""

    async def handler(job: dict[str, Any]) -> AsyncGenerator[dict[str, Any]]:
        async with aclosing(worker.run(job)) as outputs:
            async for output in outputs:
                yield output

    return handler


def config_for(worker: Worker) -> dict[str, Any]:
    """What the SDK is started with. Parts of a streamed job are also kept together as its output."""
    return {
        "handler": handler_for(worker),
        "return_aggregate_stream": True,
        "concurrency_modifier": worker.concurrency,
    }
