"""Runs the command of an image that was made without a container engine: started as an engine would start it, asked by
its own health check, ended by its own signal."""

from __future__ import annotations

import re
import signal
import subprocess
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from scripts.container.building import Builder, Image
    from scripts.container.dockerfile import Dockerfile

START_S = 120
STOP_S = 10
"""What an engine waits between the signal and killing."""

_LISTENS = re.compile(r"voicechat listens on http://[\d.]+:(\d+)")


class TrialFailed(Exception):
    """The server was not as it must be; the message says how and ends with what it printed."""


@dataclass(frozen=True, slots=True)
class Trial:
    """A server that came, was well, and went."""

    listening_s: float
    ready_s: float
    stopped_s: float
    status: int


def run(
    dockerfile: Dockerfile, name: str, builder: Builder, image: Image, visit: Callable[[int], None] | None = None
) -> Trial:
    """Start, check, stop. `visit` is called with the port while the server runs. Raises `TrialFailed`."""
    command, check = dockerfile.last(name, "CMD"), dockerfile.last(name, "HEALTHCHECK")
    stop = dockerfile.last(name, "STOPSIGNAL")
    started_with, checked = command and command.exec_form, check and check.exec_form
    if not started_with or not checked:
        raise TrialFailed(f"{name} lacks a command or a health check that is a list of words")
    # A free port of this machine alone, which the server chooses and tells.
    local = {"VOICECHAT_HOST": "127.0.0.1", "VOICECHAT_PORT": "0"}
    variables = builder.environment(image)
    started = time.monotonic()
    server = subprocess.Popen(
        ["/usr/bin/env", *map(builder.inside, started_with)],
        cwd=builder.inside(image.workdir),
        env=variables | local,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    deadline = threading.Timer(START_S, server.kill)
    deadline.start()
    printed: list[str] = []

    def well(port: int) -> bool:
        asked = ["/usr/bin/env", *checked]
        done = subprocess.run(asked, env=variables | {"VOICECHAT_PORT": str(port)}, capture_output=True, check=False)
        return done.returncode == 0

    try:
        port = int(_wait_for(server, _LISTENS, printed)[1])
        listening_s = time.monotonic() - started
        if not well(port):
            raise TrialFailed("the health check fails while the server listens")
        _wait_for(server, re.compile("voicechat is ready"), printed)
        ready_s = time.monotonic() - started
        if visit is not None:
            visit(port)
        asked = time.monotonic()
        server.send_signal(signal.Signals[stop.value if stop else "SIGTERM"])
        try:
            printed.append(server.communicate(timeout=STOP_S)[0])
        except subprocess.TimeoutExpired:
            raise TrialFailed(f"the server still runs {STOP_S} s after the signal") from None
        stopped_s = time.monotonic() - asked
        # With PID 1, as in a container, the signal that the server passes on at last has no effect: 0.
        if server.returncode not in (0, -signal.SIGTERM) or "Traceback" in "".join(printed):
            raise TrialFailed(f"the server ended with status {server.returncode}:\n{''.join(printed)[-2000:]}")
        if well(port):
            raise TrialFailed("the health check passes without a server")
    finally:
        deadline.cancel()
        server.kill()
        server.wait()
        if server.stdout is not None:
            server.stdout.close()
    return Trial(listening_s, ready_s, stopped_s, server.returncode)


def _wait_for(server: subprocess.Popen[str], wanted: re.Pattern[str], printed: list[str]) -> re.Match[str]:
    """The first line that fits. Raises `TrialFailed` when the server ends before."""
    assert server.stdout is not None
    for line in server.stdout:
        printed.append(line)
        if found := wanted.search(line):
            return found
    raise TrialFailed(f"the server ended before it printed {wanted.pattern!r}:\n{''.join(printed)[-2000:]}")
