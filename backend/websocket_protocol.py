"""uvicorn's WebSocket protocol, with a shutdown that no client can make fail."""

from __future__ import annotations

from contextlib import suppress

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.exceptions import InvalidState


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """One connection."""

    def shutdown(self) -> None:
        """The server stops.

        uvicorn (0.54) raises where the client has begun to close, and where its handshake was refused; all that it
        does after that would be left undone, the end of the app too, in which sessions store what was said.
        """
        with suppress(InvalidState, AssertionError):
            super().shutdown()
        self.transport.close()
