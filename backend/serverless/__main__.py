"""`python -m backend.serverless`: the queue worker; with `--rp_serve_api` its API on one's own machine."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from backend.errors import VoiceChatError
from backend.logs import configure_logging
from backend.serverless import local_api
from backend.serverless.composition import make_worker, read_settings
from backend.serverless.handler import config_for

if TYPE_CHECKING:
    import argparse


def main() -> int:
    """Serve jobs until the platform, or a signal, ends the process; returns its exit status. The SDK reads the options
    of the command line, and its API's are read here."""
    try:
        settings = read_settings()
        configure_logging(settings.log_level)
        worker = make_worker(settings)
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


def _configure_sdk_logging(level: str, asked: argparse.Namespace | None) -> None:
    """What the SDK logs for debugging has every output in it, and so what was said: only its own option asks for it."""
    from runpod.serverless.modules.rp_logger import RunPodLogger

    own = asked.rp_log_level if asked is not None else None
    logger: Any = RunPodLogger()
    logger.set_level(own or {"warning": "WARN", "error": "ERROR"}.get(level, "INFO"))


if __name__ == "__main__":
    sys.exit(main())
