"""How the audio of a job reaches its client: in the output, in parts while it is made, or as a file on S3."""

from __future__ import annotations

import base64
import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Protocol

from backend.encoding import FORMATS
from backend.protocols.openai_speech import RATE_HZ
from backend.serverless.errors import JobError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from backend.serverless.bucket import Destination
    from backend.serverless.request import JobRequest
    from backend.serverless.s3 import S3, Upload

log = logging.getLogger(__name__)

PART_BYTES = 384 << 10
"""At most in one part; RunPod takes 1 MB of output at once."""
PART_BYTES_AT_LEAST = 16 << 10
"""A part, which is one HTTP request of the worker's, has as much but for the first and the last: 1/3 s of PCM, 2 s of
MP3."""


class Delivery(Protocol):
    """Takes the audio."""

    failure: JobError | None
    """Why it is delivered, but not where it was wanted."""

    async def take(self, data: bytes) -> list[dict[str, Any]]:
        """More of the file. Returns what the job puts out now."""
        ...

    async def finish(self, head: bytes) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        """That was all; `head` goes before it. Returns what the job puts out now, and fields of its last output."""
        ...


class InOutput:
    """`audio_base64` in the last output."""

    def __init__(self) -> None:
        self.failure: JobError | None = None
        self._data = bytearray()

    async def take(self, data: bytes) -> list[dict[str, Any]]:
        """See `Delivery.take`."""
        self._data += data
        return []

    async def finish(self, head: bytes) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        """See `Delivery.finish`."""
        return [], {"audio_base64": base64.b64encode(head + self._data).decode()}


class InParts:
    """Outputs with `part` and `audio_base64`, which decoded one after the other are the file."""

    def __init__(self) -> None:
        self.failure: JobError | None = None
        self._held = bytearray()
        self._parts = 0

    async def take(self, data: bytes) -> list[dict[str, Any]]:
        """See `Delivery.take`."""
        self._held += data
        enough = PART_BYTES_AT_LEAST if self._parts else 1
        return self._put_out() if len(self._held) >= enough else []

    async def finish(self, head: bytes) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        """See `Delivery.finish`."""
        return self._put_out(), {"parts": self._parts}

    def _put_out(self) -> list[dict[str, Any]]:
        cut = [bytes(self._held[at : at + PART_BYTES]) for at in range(0, len(self._held), PART_BYTES)]
        self._held.clear()
        first, self._parts = self._parts, self._parts + len(cut)
        return [
            {"part": first + index, "audio_base64": base64.b64encode(data).decode()} for index, data in enumerate(cut)
        ]


class OnS3:
    """`audio_url` in the last output. What an upload that fails would lose is put out like `InOutput` does, as long as
    `limit` bytes can hold it."""

    def __init__(self, upload: Upload, limit: int) -> None:
        self._upload = upload
        self._limit = limit
        self._kept: bytearray | None = bytearray()
        self.failure: JobError | None = None

    async def take(self, data: bytes) -> list[dict[str, Any]]:
        """See `Delivery.take`. Raises `JobError` of type `s3_upload_error` for what can no longer be delivered."""
        if self._kept is not None:
            self._kept += data
            if len(self._kept) > self._limit:
                self._kept = None
        if self.failure is None:
            try:
                await self._upload.write(data)
            except JobError as error:
                self._failed(error)
        elif self._kept is None:
            raise self.failure
        return []

    async def finish(self, head: bytes) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        """See `Delivery.finish`."""
        if self.failure is None:
            try:
                return [], {"audio_url": await self._upload.finish(head)}
            except JobError as error:
                self._failed(error)
        return [], {"audio_base64": base64.b64encode(head + (self._kept or b"")).decode()}

    def _failed(self, error: JobError) -> None:
        if self._kept is None:
            raise error
        log.warning("the upload failed, the audio goes into the output: %s", error)
        self.failure = error


@asynccontextmanager
async def delivering(
    request: JobRequest, place: Destination | None, s3: S3, about: dict[str, str], limit: int
) -> AsyncGenerator[Delivery]:
    """The way the request wants, of which an output holds `limit` bytes. `about` is kept beside a file on S3. What was
    not finished is taken back."""
    if place is None:
        yield InParts() if request.stream else InOutput()
        return
    about = {"format": request.output_format, "sample-rate": str(RATE_HZ), **about}
    async with s3.uploading(place.bucket, place.key, FORMATS[request.output_format].media_type, about) as upload:
        yield OnS3(upload, limit)
