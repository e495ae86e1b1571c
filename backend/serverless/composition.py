"""The worker of a process, made of its settings."""

from __future__ import annotations

import importlib.util
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from backend.app import choose_tts
from backend.errors import ConfigurationError, MissingExtra
from backend.serverless.audit import Audit
from backend.serverless.worker import Worker
from backend.settings import WorkerSettings

if TYPE_CHECKING:
    from collections.abc import Mapping


def read_settings() -> WorkerSettings:
    """Those of the process. Raises `ConfigurationError`, which names the variable."""
    try:
        return WorkerSettings()  # pyright: ignore[reportCallIssue]
    except ValidationError as error:
        problem = error.errors()[0]
        said = problem["msg"].removeprefix("Value error, ")
        named = "".join(f"VOICECHAT_{str(field).upper()}: " for field in problem["loc"][:1])
        raise ConfigurationError(named.replace("VOICECHAT_VOICECHAT_", "VOICECHAT_") + said) from error
    except ValueError as error:
        raise ConfigurationError(f"voicechat.toml cannot be read: {error}") from error


def make_worker(settings: WorkerSettings) -> Worker:
    """A worker that reports to the platform and writes its audit log to standard output. Raises `ConfigurationError`,
    also for packages that are missing."""
    if importlib.util.find_spec("runpod") is None:
        raise MissingExtra("serverless", "serverless")
    return Worker(choose_tts(settings), settings, Audit(partial(print, flush=True)), _progress)


@cache
def own_worker() -> Worker:
    """The worker of this process, made when it is first asked for."""
    return make_worker(read_settings())


def _progress(job: Mapping[str, Any], told: dict[str, Any]) -> None:
    """Reported where there is a platform to report to."""
    import runpod
    from runpod.serverless.modules.worker_state import IS_LOCAL_TEST

    if not IS_LOCAL_TEST:
        runpod.serverless.progress_update(dict(job), told)
