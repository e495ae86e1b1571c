"""The sizes that RunPod delivers. A result beyond them is lost after all the work, so it is refused before, or cut off.

RunPod takes 20 MB for a job of `/runsync` and 10 MB for one of `/run` (https://docs.runpod.io/serverless/endpoints),
audio counted as the base64 it is sent as.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from backend.serverless.errors import JobError

if TYPE_CHECKING:
    from backend.protocols.openai_speech import FormatName

RUN_BYTES = 10_000_000
RUNSYNC_BYTES = 20_000_000
ENVELOPE_BYTES = 200_000
"""For what stands around the audio: the transcript, figures, and an encoder's last bytes."""

FASTEST_CHARACTERS_PER_S = 25
"""Nobody speaks faster, in any script: texts are refused beforehand only if they cannot fit."""

_BYTES_PER_S: dict[FormatName, int] = {
    "wav": 48_000,
    "pcm": 48_000,
    "flac": 10_000,
    "mp3": 8_000,
    "aac": 4_000,
    "opus": 2_000,
}
"""What a second takes at least."""

_ADVICE = "ask for output_format mp3 or opus, or for s3_bucket"


def audio_limit(job_id: str) -> int:
    """How many bytes of audio the output of a job may hold before it is base64. The ids of jobs that came by `/runsync`
    begin with `sync-`; any other job may have come by `/run`."""
    whole = RUNSYNC_BYTES if job_id.startswith("sync-") else RUN_BYTES
    return (whole - ENVELOPE_BYTES) // 4 * 3


def predicted_bytes(characters: int, output_format: FormatName) -> int:
    """How much audio so much text gives at least."""
    return math.floor(characters / FASTEST_CHARACTERS_PER_S * _BYTES_PER_S[output_format])


def check_prediction(characters: int, output_format: FormatName, limit: int) -> None:
    """Raises `JobError` of type `validation_error` for what cannot fit into `limit` bytes."""
    predicted = predicted_bytes(characters, output_format)
    if predicted > limit:
        message = f"the audio would take {predicted} bytes or more, and {limit} can be delivered; {_ADVICE}"
        raise JobError(
            "validation_error", "OUTPUT_TOO_LARGE", message, {"limit_bytes": limit, "predicted_bytes": predicted}
        )


class Budget:
    """Counts the bytes of a job's audio as they are made. `limit` is `None` for audio that is not in the output."""

    def __init__(self, limit: int | None) -> None:
        self._limit = limit
        self.spent = 0

    def take(self, size: int) -> None:
        """Count so many more. Raises `JobError` of type `validation_error` for those that do not fit."""
        if self._limit is not None and self.spent + size > self._limit:
            message = f"the audio takes more than the {self._limit} bytes that can be delivered; {_ADVICE}"
            raise JobError("validation_error", "OUTPUT_TOO_LARGE", message, {"limit_bytes": self._limit})
        self.spent += size
