"""Loads the engines of a server, before it listens or while it does. Knows nothing of which engines they are."""

from __future__ import annotations

import asyncio
import logging
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from backend.errors import ConfigurationError

if TYPE_CHECKING:
    from backend.server import Server

log = logging.getLogger(__name__)


async def hold_engines(server: Server) -> None:
    """Load every engine, and unload them when cancelled. `server.loaded` is set once they are there, or cannot be had:
    `server.startup_error` then says why."""
    engines = server.engines
    async with AsyncExitStack() as stack:
        try:
            for engine in (engines.turn_model, engines.stt, engines.llm, engines.tts):
                if engine is not None:
                    await stack.enter_async_context(engine)
        except ConfigurationError as error:
            server.startup_error = error
        except Exception as error:
            log.exception("an engine could not be loaded")
            server.startup_error = ConfigurationError(f"an engine could not be loaded: {type(error).__name__}: {error}")
        server.loaded.set()
        await asyncio.get_running_loop().create_future()
