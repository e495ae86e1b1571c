"""A server in a process of its own, that can be killed."""

from __future__ import annotations

import asyncio
import re
import sys
from asyncio.subprocess import PIPE
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asyncio.subprocess import Process

READY_WITHIN_S = 60


@asynccontextmanager
async def server(port: int, *options: str):
    """A server that is ready: yields its port and its process. Killed at the end, if it still runs."""
    command = (sys.executable, "-m", "backend.cli", "serve", "--port", str(port), *options)
    process = await asyncio.create_subprocess_exec(*command, stdout=PIPE)
    try:
        async with asyncio.timeout(READY_WITHIN_S):
            found = await _line(process, rb"listens on http://\S+:(\d+)")
            await _line(process, rb"voicechat is ready")
        yield int(found[1]), process
    finally:
        await kill(process)


async def _line(process: Process, pattern: bytes) -> re.Match[bytes]:
    async for line in process.stdout:
        found = re.search(pattern, line)
        if found:
            return found
    raise AssertionError("the server ended before it was ready")


async def kill(process: Process) -> None:
    """End it without a chance to say goodbye, and wait until it is gone."""
    if process.returncode is None:
        process.kill()
    while await process.stdout.read(4096):
        pass
    await process.wait()
