"""The audit log: one JSON line for each job, with nothing of what was said."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(slots=True)
class JobRecord:
    """What is kept of a job. What is not known, or was not reached, is `None`."""

    job: str
    outcome: str = "cancelled"
    """`ok`, `partial`, `cancelled`, or the type of the error."""
    code: str | None = None
    """Of the error."""
    voice: str | None = None
    output_format: str | None = None
    streamed: bool | None = None
    characters: int | None = None
    chunks: int | None = None
    chunks_total: int | None = None
    audio_s: float | None = None
    audio_bytes: int | None = None
    seconds: float | None = None
    """From the job's start to its end."""
    s3_bucket: str | None = None
    s3_key: str | None = None


class Audit:
    """Writes a line for each record."""

    def __init__(self, write: Callable[[str], object]) -> None:
        self._write = write

    def note(self, record: JobRecord) -> None:
        """Write the line: an object with `event` and `at` (UTC) besides what is known."""
        known = {name: value for name, value in asdict(record).items() if value is not None}
        self._write(json.dumps({"event": "job", "at": datetime.now(UTC).isoformat(timespec="milliseconds"), **known}))
