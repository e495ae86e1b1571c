"""Starts the application on a Ray cluster, says where it listens, and ends it."""

from __future__ import annotations

import importlib.util
import logging
import os
import signal
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from backend.errors import ConfigurationError, MissingExtra
from backend.serving import open_listener

if TYPE_CHECKING:
    from collections.abc import Generator

    from backend.settings import RaySettings

APPLICATION = "voicechat"
LOOKS_EVERY_S, WAITS_QUIETLY_S = 0.5, 20.0
"""How often it is looked whether the application runs, and how long it may take without a word."""
_QUIET = logging.WARNING


def serve(settings: RaySettings) -> None:
    """Serve until SIGINT or SIGTERM. Raises `ConfigurationError` when the application cannot be started."""
    if importlib.util.find_spec("ray") is None:
        raise MissingExtra("ray", "ray")
    if settings.proxy == "haproxy":
        os.environ.setdefault("RAY_SERVE_ENABLE_HA_PROXY", "1")  # read when Ray is imported
    from ray import serve as ray_serve
    from ray.serve import RunTarget
    from ray.serve.config import HTTPOptions

    from backend.ray_serve.deployments import application

    logging.getLogger("ray.serve").setLevel(_QUIET)
    ended = threading.Event()
    with _cluster(settings):
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda _number, _frame: ended.set())
        listens = bool(ray_serve.status().proxies)
        if not listens:
            ray_serve.start(http_options=HTTPOptions(host=settings.host, port=settings.port))
        target = RunTarget(application(settings), name=APPLICATION)
        ray_serve.run_many([target], wait_for_applications_running=False)
        if _runs(ended):
            where = "where Serve was listening already" if listens else f"on http://{settings.host}:{settings.port}"
            print(f"voicechat listens {where}")
            print(f"  app      {settings.min_replicas} to {settings.max_replicas} replicas")
            if settings.tts == "higgs":
                print(f"  voices   {settings.min_engines} to {settings.max_engines} copies")
            print("voicechat is ready", flush=True)
            ended.wait()


def _runs(ended: threading.Event) -> bool:
    """Returns once the application runs, or is to end. Serve can only be asked. Raises `ConfigurationError` when it
    cannot run."""
    from ray import serve as ray_serve

    looks = 0
    while not ended.wait(LOOKS_EVERY_S):
        status = ray_serve.status().applications[APPLICATION]
        if status.status == "RUNNING":
            return True
        told = [deployment.message.strip() for deployment in status.deployments.values() if deployment.message]
        if status.status in ("DEPLOY_FAILED", "UNHEALTHY"):
            raise ConfigurationError(f"the app cannot be started: {_reason(told[0] if told else status.message)}")
        looks += 1
        if looks * LOOKS_EVERY_S == WAITS_QUIETLY_S:
            print("voicechat is being started", *told, sep="\n  ", file=sys.stderr, flush=True)
    return False


def _reason(message: str) -> str:
    """What a deployment that failed said at last: the end of its traceback."""
    last = message.strip().splitlines()[-1]
    return last.removeprefix(f"{ConfigurationError.__module__}.{ConfigurationError.__name__}: ")


@contextmanager
def _cluster(settings: RaySettings) -> Generator[None]:
    """The cluster that RAY_ADDRESS names, from which the application is taken away at the end; else one on this
    machine, which ends with this process."""
    import ray
    from ray import serve as ray_serve

    joined = bool(os.environ.get("RAY_ADDRESS"))
    if joined:
        ray.init(log_to_driver=False, logging_level=_QUIET)
    else:
        open_listener(settings.host, settings.port).close()  # Serve would try for ever
        # Without other machines replicas may share cores.
        wanted = settings.max_replicas * settings.replica_cpus + settings.max_engines
        ray.init(
            num_cpus=max(os.cpu_count() or 1, round(wanted)),
            include_dashboard=False,
            log_to_driver=False,
            logging_level=_QUIET,
            _node_ip_address="127.0.0.1",
        )
    try:
        if not joined:
            _check_gpus(settings, ray.cluster_resources().get("GPU", 0.0))
        yield
    finally:
        if joined:
            ray_serve.delete(APPLICATION)
        else:
            ray_serve.shutdown()
        ray.shutdown()


def _check_gpus(settings: RaySettings, found: float) -> None:
    wanted = settings.min_engines * settings.engine_gpus if settings.tts == "higgs" else 0.0
    if found < wanted:
        raise ConfigurationError(
            f"--engine-gpus {settings.engine_gpus:g}: this machine has {found:g} GPUs, and {settings.min_engines} "
            "of the voice's copies are to run; --engine-gpus 0 --device cpu runs them without"
        )
