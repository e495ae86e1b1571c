"""Structured logs: one line per event, `time level logger message key=value ...`. Ids and numbers only."""

from __future__ import annotations

import logging
import sys

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}


class KeyValueFormatter(logging.Formatter):
    """Appends what was given as `extra` to the message."""

    def format(self, record: logging.LogRecord) -> str:
        fields = {name: value for name, value in vars(record).items() if name not in _STANDARD and value is not None}
        tail = "".join(f" {name}={value}" for name, value in fields.items())
        line, *trace = super().format(record).split("\n", 1)
        return "\n".join([line + tail, *trace])


def configure_logging(level: str) -> None:
    """Log to stderr from `level` up; libraries from `warning` up."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(KeyValueFormatter("%(asctime)s %(levelname)-7s %(name)s %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("backend").setLevel(level.upper())
