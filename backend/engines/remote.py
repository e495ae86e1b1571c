"""How engines on other servers are reached, and what is said when they cannot be."""

from __future__ import annotations

import socket

CONNECT_TIMEOUT_S = 5.0
SILENCE_TIMEOUT_S = 30.0
"""A server that sends nothing for this long has failed."""

KEEP_ALIVE_S = 120.0
"""People speak and listen in turn, so requests are far apart, and opening a connection delays the answer."""

ABOUT_THE_REQUEST = (400, 404, 409, 413, 415, 422, 429)
"""What a server answers when not it, and not the key it was given, is to blame."""


def reason(error: BaseException) -> str:
    """What went wrong at the socket, in words; the layers above call a refused connection a timeout."""
    while error.__cause__ is not None:
        error = error.__cause__
    match error:
        case ConnectionRefusedError():
            return "nothing is listening there; is the server running?"
        case socket.gaierror():
            return "there is no such host"
        case TimeoutError():
            return "it did not answer in time"
        case _:
            return str(error) or type(error).__name__
