"""The tokens by which clients come back to their sessions.

Where several servers share the work, a token begins with the name of the one that gave it, for whoever stands in front
of them to read.
"""

from __future__ import annotations

import secrets

_BETWEEN = "."


def new_token(instance: str = "") -> str:
    """One that nobody can guess, of the server of that name; without a name it has none in it."""
    secret = secrets.token_urlsafe(24)
    return f"{instance}{_BETWEEN}{secret}" if instance else secret


def instance_of(token: str) -> str:
    """The name of the server that gave it, empty where it says none."""
    return token.rpartition(_BETWEEN)[0]
