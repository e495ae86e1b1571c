"""Servers of the evaluation's own: subprocesses that talk to the scripted language model and end with the run."""

from __future__ import annotations

import asyncio
import re
import sys
from asyncio.subprocess import PIPE, Process
from contextlib import AsyncExitStack, asynccontextmanager
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from backend.client.concurrency import beside
from backend.client.connection import ConnectionFailed
from backend.client.evaluation.scripted_llm import MODEL

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

SESSIONS_PER_SERVER = 2
"""The offline recogniser listens to two people at a time and lets further ones wait, which is no turn-taking."""

READY_WITHIN_S = 60
ENDS_WITHIN_S = 10
_ADDRESS = re.compile(rb"listens on http://(\S+)")


@asynccontextmanager
async def servers(sessions: int, stt: str, llm: str) -> AsyncGenerator[list[str]]:
    """Enough servers for so many sessions at once, with the language model at `llm`; the value is their WebSocket
    addresses.

    Raises `ConnectionFailed` when one does not start.
    """
    async with AsyncExitStack() as stack:
        count = -(-sessions // SESSIONS_PER_SERVER)
        yield [await stack.enter_async_context(_server(llm, stt)) for _ in range(count)]


@asynccontextmanager
async def _server(llm: str, stt: str) -> AsyncGenerator[str]:
    """One that has the offline voices."""
    engines = ("--stt", stt, "--tts", "offline", "--llm", "openai", "--llm-base-url", llm, "--llm-model", MODEL)
    async with server(*engines, "--llm-api-key", "none") as (url, _):
        yield url


@asynccontextmanager
async def server(*options: str) -> AsyncGenerator[tuple[str, int]]:
    """A server with these options, ready, that keeps nothing; the value is its WebSocket address and the id of its
    process. Raises `ConnectionFailed` when it does not start."""
    with TemporaryDirectory() as folder:
        own = ("--port", "0", "--log-level", "error", "--data-dir", folder)
        command = (sys.executable, "-m", "backend.cli", "serve", *options, *own)
        process = await asyncio.create_subprocess_exec(*command, stdout=PIPE)
        try:
            async with asyncio.timeout(READY_WITHIN_S):
                address = await _address(process)
                await _ready(process)
            async with beside(_drain(process)):
                yield f"ws://{address}/ws", process.pid
        except TimeoutError as error:
            raise ConnectionFailed(f"the server was not ready within {READY_WITHIN_S} s") from error
        finally:
            await _end(process)


async def _address(process: Process) -> str:
    assert process.stdout is not None
    async for line in process.stdout:
        found = _ADDRESS.search(line)
        if found:
            return found[1].decode()
    raise ConnectionFailed("the server did not start")


async def _ready(process: Process) -> None:
    assert process.stdout is not None
    async for line in process.stdout:
        if line.startswith(b"voicechat is ready"):
            return
        if line.startswith(b"voicechat is not ready"):
            raise ConnectionFailed(line.decode().strip())
    raise ConnectionFailed("the server ended before it was ready")


async def _drain(process: Process) -> None:
    """A pipe that nobody reads stops its writer."""
    assert process.stdout is not None
    while await process.stdout.read(4096):
        pass


async def _end(process: Process) -> None:
    if process.returncode is not None:
        return
    process.terminate()
    try:
        async with asyncio.timeout(ENDS_WITHIN_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
