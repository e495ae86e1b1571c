"""`python -m backend.serverless`: the queue worker; with `--rp_serve_api` its API on one's own machine."""

from __future__ import annotations

import importlib.util
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from backend.app import choose_tts
from backend.errors import ConfigurationError, MissingExtra, VoiceChatError
from backend.logs import configure_logging
from backend.serverless import local_api
from backend.serverless.audit import Audit
from backend.serverless.handler import config_for
from backend.serverless.worker import Worker
from backend.settings import WorkerSettings

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping


def main() -> int:
    """Serve jobs until the platform, or a signal, ends the process; returns its exit status. The SDK reads the options
    of the command line, and its API's are read here."""
    try:
        settings = _settings()
        configure_logging(settings.log_level)
        if importlib.util.find_spec("runpod") is None:
            raise MissingExtra("serverless", "serverless")
        worker = Worker(choose_tts(settings), settings, Audit(partial(print, flush=True)), _progress)
    except VoiceChatError as error:
        print(f"backend.serverless: {error}", file=sys.stderr)
        return 1
    asked = local_api.options(sys.argv[1:])
    _configure_sdk_logging(settings.log_level, asked)
    if asked is not None:
        local_api.serve(worker, asked)
        return 0
    import runpod

    runpod.serverless.start(config_for(worker))
    return 0


def _settings() -> WorkerSettings:
    try:
        return WorkerSettings()  # pyright: ignore[reportCallIssue]
    except ValidationError as error:
        problem = error.errors()[0]
        said = problem["msg"].removeprefix("Value error, ")
        named = "".join(f"VOICECHAT_{str(field).upper()}: " for field in problem["loc"][:1])
        raise ConfigurationError(named.replace("VOICECHAT_VOICECHAT_", "VOICECHAT_") + said) from error
    except ValueError as error:
        raise ConfigurationError(f"voicechat.toml cannot be read: {error}") from error


def _configure_sdk_logging(level: str, asked: argparse.Namespace | None) -> None:
    """What the SDK logs for debugging has every output in it, and so what was said: only its own option asks for it."""
    from runpod.serverless.modules.rp_logger import RunPodLogger

    own = asked.rp_log_level if asked is not None else None
    logger: Any = RunPodLogger()
    logger.set_level(own or {"warning": "WARN", "error": "ERROR"}.get(level, "INFO"))


def _progress(job: Mapping[str, Any], told: dict[str, Any]) -> None:
    """Reported where there is a platform to report to."""
    import runpod
    from runpod.serverless.modules.worker_state import IS_LOCAL_TEST

    if not IS_LOCAL_TEST:
        runpod.serverless.progress_update(dict(job), told)


if __name__ == "__main__":
    sys.exit(main())
