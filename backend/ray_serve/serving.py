"""Starts the application on a Ray cluster, says where it listens, and ends it."""

from __future__ import annotations

import importlib.util
import os
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

from backend.errors import ConfigurationError, MissingExtra

if TYPE_CHECKING:
    from collections.abc import Generator

    from backend.settings import RaySettings


def serve(settings: RaySettings) -> None:
    """Serve until SIGINT or SIGTERM. Raises `ConfigurationError` when a deployment cannot be started."""
    if importlib.util.find_spec("ray") is None:
        raise MissingExtra("ray", "ray")
    from ray import serve as ray_serve
    from ray.serve.config import HTTPOptions

    from backend.ray_serve.deployments import application

    signal.pthread_sigmask(signal.SIG_BLOCK, _ENDS)
    with _cluster(settings):
        ray_serve.start(http_options=HTTPOptions(host=settings.host, port=settings.port))
        try:
            ray_serve.run(application(settings), name="voicechat")
        except RuntimeError as error:
            raise ConfigurationError(f"the app cannot be started: {error}") from error
        print(f"voicechat listens on http://{settings.host}:{settings.port}", flush=True)
        print(f"  app      {settings.min_replicas} to {settings.max_replicas} replicas", flush=True)
        if settings.tts == "higgs":
            print(f"  voices   {settings.min_engines} to {settings.max_engines} copies", flush=True)
        print("voicechat is ready", flush=True)
        signal.sigwait(_ENDS)


_ENDS = {signal.SIGINT, signal.SIGTERM}


@contextmanager
def _cluster(settings: RaySettings) -> Generator[None]:
    """The cluster that RAY_ADDRESS names, else one on this machine, which ends with this process."""
    import ray
    from ray import serve as ray_serve

    if os.environ.get("RAY_ADDRESS"):
        ray.init(log_to_driver=False)
    else:
        # Without other machines nobody else need reach it, and replicas may share cores.
        wanted = settings.max_replicas * settings.replica_cpus + settings.max_engines
        cpus = max(os.cpu_count() or 1, round(wanted))
        ray.init(num_cpus=cpus, include_dashboard=False, log_to_driver=False, _node_ip_address="127.0.0.1")
    try:
        yield
    finally:
        ray_serve.shutdown()
        ray.shutdown()
