"""Runs the app under uvicorn and says, once it listens, where and with which engines."""

from __future__ import annotations

import asyncio
import gc
import logging
import socket
import sys
from typing import TYPE_CHECKING

import uvicorn

from backend.app import create_app
from backend.engines.tasks import stop
from backend.errors import ConfigurationError
from backend.logs import configure_logging
from backend.websocket_protocol import WebSocketProtocol

if TYPE_CHECKING:
    from backend.server import Server
    from backend.settings import Settings

MAX_MESSAGE_BYTES = 21 << 20
"""15 MiB of audio in base64; each door has a limit of its own below this."""
_STAGE_NAMES = {"stt": "hearing", "llm": "writing", "tts": "voices"}


def serve(settings: Settings) -> None:
    """Serve until SIGINT or SIGTERM. Raises `ConfigurationError` when the address cannot be had or an engine cannot be
    loaded."""
    configure_logging(settings.log_level)
    app = create_app(settings)
    state: Server = app.state.server
    # uvicorn reports a failed start with a traceback; the error is raised below and says it in one line.
    logging.getLogger("uvicorn.error").addFilter(lambda _record: state.startup_error is None)
    listener = open_listener(settings.host, settings.port)
    config = uvicorn.Config(
        app,
        loop="auto",
        ws=WebSocketProtocol,
        ws_max_size=MAX_MESSAGE_BYTES,
        ws_per_message_deflate=False,  # PCM does not compress, and each connection's compressor costs 300 kB
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=3,
    )
    server = _AnnouncingServer(config, listener, state)
    with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        try:
            runner.run(server.serve(sockets=[listener]))
        except SystemExit:  # uvicorn's way to say that the start failed
            if state.startup_error is None:
                raise
            raise state.startup_error from None


class _AnnouncingServer(uvicorn.Server):
    """Prints the banner when the socket accepts, and one line more when the engines are loaded."""

    def __init__(self, config: uvicorn.Config, listener: socket.socket, server: Server) -> None:
        super().__init__(config)
        self._listener = listener
        self._server = server
        self._announcing: asyncio.Task[None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        # A full collection walks every object of every library, 50 ms in which nobody hears anything. What exists by
        # now stays for good, so it is left out of collections, and what sessions leave behind is little and cyclic.
        gc.collect()
        gc.freeze()
        gc.set_threshold(20_000, 20, 50)
        if self.started:
            print(_banner(self._listener, self._server), flush=True)
            self._announcing = asyncio.create_task(self._announce_ready())

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await stop(self._announcing)
        await super().shutdown(sockets)

    async def _announce_ready(self) -> None:
        await self._server.loaded.wait()
        if self._server.startup_error is None:
            await self._server.engines.stt.loaded()
        reason = self._server.not_ready()
        print("voicechat is ready" if reason is None else f"voicechat is not ready: {reason}", flush=True)


def open_listener(host: str, port: int) -> socket.socket:
    """A socket that listens there. Raises `ConfigurationError`."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(2048)
    except OSError as error:
        listener.close()
        raise ConfigurationError(
            f"cannot listen on {host} port {port}: {error.strerror}; try another --port"
        ) from error
    listener.set_inheritable(True)
    return listener


def _banner(listener: socket.socket, server: Server) -> str:
    host, port = listener.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    lines = [f"voicechat listens on http://{shown}:{port}"]
    for stage, engine in server.engines.describe().items():
        label = "stand-in" if engine["stand_in"] else "engine"
        lines.append(f"  {_STAGE_NAMES[stage]:<8} {stage}  {engine['name']} ({label}) {engine['detail']}")
    if server.engines.turn_model is not None:
        lines.append(f"  turns    {server.engines.turn_model.detail}")
    lines.append(f"  cast     {', '.join(character.name for character in server.defaults.cast)}")
    if sys.stdout.isatty():
        lines.append("Open the address in a browser, or run: voicechat talk. Ctrl-C stops.")
    return "\n".join(lines)
