"""A worker as RunPod's SDK takes it: one function, from a job to its outputs."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Any, TypeAlias

from backend.errors import VoiceChatError
from backend.serverless.errors import as_job_error, failure
from backend.serverless.openai_route import is_openai, openai_outputs

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from backend.serverless.worker import Worker

Output: TypeAlias = "dict[str, Any] | str"
"""An object, or text that is streamed as it is."""


async def handler(job: dict[str, Any]) -> AsyncGenerator[Output]:
    """The outputs of a job, by the worker that the settings of the process describe; it is made for the first job. A
    worker that cannot be made is the failure of every job."""
    from backend.serverless.composition import own_worker

    try:
        worker = own_worker()
    except VoiceChatError as error:
        yield failure(as_job_error(error))
        return
    async with aclosing(_outputs(worker, job)) as outputs:
        async for output in outputs:
            yield output


def handler_for(worker: Worker) -> Callable[[dict[str, Any]], AsyncGenerator[Output]]:
    """The handler of `worker`. The SDK streams the outputs only of what `inspect` calls an async generator function,
    so it is one, and no method or partial."""

    async def handler(job: dict[str, Any]) -> AsyncGenerator[Output]:
        async with aclosing(_outputs(worker, job)) as outputs:
            async for output in outputs:
                yield output

    return handler


def config_for(worker: Worker) -> dict[str, Any]:
    """What the SDK is started with. Parts of a streamed job are also kept together as its output."""
    from runpod.serverless.modules.worker_state import JobsProgress

    held: Any = JobsProgress()

    def concurrency(current: int) -> int:
        # At 0 the SDK never begins a job that it has already fetched, and waits for it for ever.
        return worker.concurrency(current) or int(held.get_job_count() > 0)

    return {
        "handler": handler_for(worker),
        "return_aggregate_stream": True,
        "concurrency_modifier": concurrency,
    }


def _outputs(worker: Worker, job: dict[str, Any]) -> AsyncGenerator[Output]:
    return openai_outputs(worker, job) if is_openai(job) else worker.run(job)
