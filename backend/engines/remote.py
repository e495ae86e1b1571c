"""How engines on other servers are reached."""

CONNECT_TIMEOUT_S = 5.0
SILENCE_TIMEOUT_S = 30.0
"""A server that sends nothing for this long has failed."""

KEEP_ALIVE_S = 120.0
"""People speak and listen in turn, so requests are far apart, and opening a connection delays the answer."""
