"""Files on S3, or on anything that speaks its protocol, uploaded in parts while they are made.

boto3 retries what fails on the way or on the server (its "standard" mode: exponential backoff with jitter). It blocks,
so every call is made in a thread.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote

from backend.engines.bridge import call_in_thread
from backend.errors import MissingExtra
from backend.serverless.errors import JobError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from backend.serverless.bucket import Access

log = logging.getLogger(__name__)

PART_BYTES = 5 << 20
"""S3's least size of a part that is not the last one."""
ATTEMPTS = 5
CALLS_AT_ONCE = 8
CONNECT_TIMEOUT_S = 5
READ_TIMEOUT_S = 30

_DENIED = {"401", "403", "AccessDenied", "ExpiredToken", "InvalidAccessKeyId", "SignatureDoesNotMatch"}
_NO_BUCKET = {"404", "NoSuchBucket"}


class S3:
    """A client of one server, made at the first upload."""

    def __init__(self, access: Access, url_expires_s: int) -> None:
        """`url_expires_s`: for how long the addresses of uploads can be read."""
        self._access = access
        self._url_expires_s = url_expires_s
        self._client: Any = None
        self._slot = asyncio.Semaphore(CALLS_AT_ONCE)

    @asynccontextmanager
    async def uploading(
        self, bucket: str, key: str, content_type: str, about: Mapping[str, str]
    ) -> AsyncGenerator[Upload]:
        """An upload that the server has agreed to: what it does not want it refuses before any work is done. What is
        not finished is removed. Raises `JobError` of type `s3_upload_error`, as the upload does."""
        # Metadata travels in headers, which are ASCII.
        metadata = {name: quote(value, safe=" ;,:/") for name, value in about.items()}
        upload = Upload(self, bucket, key, self._url_expires_s)
        await upload.begin(content_type, metadata)
        try:
            yield upload
        finally:
            await upload.abort()

    async def call(self, method: str, **arguments: Any) -> Any:
        """What `method` of boto3's client returns. Raises `JobError` of type `s3_upload_error`."""

        def work() -> Any:
            if self._client is None:
                self._client = _client(self._access)
            return getattr(self._client, method)(**arguments)

        return await call_in_thread(partial(_told, work), self._slot)


class Upload:
    """One file. Its first part is sent last, when its head is known: S3 takes parts in any order."""

    def __init__(self, s3: S3, bucket: str, key: str, expires_s: int) -> None:
        self._s3 = s3
        self._place = {"Bucket": bucket, "Key": key}
        self._expires_s = expires_s
        self._id: str | None = None
        self._first: bytes | None = None
        self._held = bytearray()
        self._etags: dict[int, str] = {}
        self.retries = 0
        """Requests that were made again."""

    async def begin(self, content_type: str, metadata: Mapping[str, str]) -> None:
        """Ask for the upload."""
        arguments = {**self._place, "ContentType": content_type, "Metadata": dict(metadata)}
        answer = await self._call("create_multipart_upload", **arguments)
        self._id = answer["UploadId"]

    async def write(self, data: bytes) -> None:
        """More of the file. Waits while a part that is full is sent."""
        self._held += data
        while len(self._held) >= PART_BYTES:
            part = bytes(self._held[:PART_BYTES])
            del self._held[:PART_BYTES]
            if self._first is None:
                self._first = part
            else:
                await self._send(len(self._etags) + 2, part)

    async def finish(self, head: bytes = b"") -> str:
        """That was all; `head` goes before it. Returns an address that anybody can read the file from for a while."""
        last = bytes(self._held)
        if self._first is None:
            await self._send(1, head + last)
        else:
            if last:
                await self._send(len(self._etags) + 2, last)
            await self._send(1, head + self._first)
        parts = [{"PartNumber": number, "ETag": etag} for number, etag in sorted(self._etags.items())]
        await self._call(
            "complete_multipart_upload", **self._place, UploadId=self._id, MultipartUpload={"Parts": parts}
        )
        self._id = None
        log.info("uploaded", extra={**self._place, "parts": len(parts), "retries": self.retries})
        url: str = await self._s3.call(
            "generate_presigned_url", ClientMethod="get_object", Params=self._place, ExpiresIn=self._expires_s
        )
        return url

    async def abort(self) -> None:
        """Remove what was sent of a file that is not finished."""
        if self._id is None:
            return
        upload, self._id = self._id, None
        try:
            await self._call("abort_multipart_upload", **self._place, UploadId=upload)
        except JobError as error:
            log.warning("parts of an upload are left behind: %s", error)

    async def _send(self, number: int, data: bytes) -> None:
        answer = await self._call("upload_part", **self._place, UploadId=self._id, PartNumber=number, Body=data)
        self._etags[number] = answer["ETag"]

    async def _call(self, method: str, **arguments: Any) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = await self._s3.call(method, **arguments)
        except JobError as error:
            error.details |= {"bucket": self._place["Bucket"], "key": self._place["Key"]}
            raise
        self.retries += int(answer["ResponseMetadata"].get("RetryAttempts", 0))
        return answer


def _client(access: Access) -> Any:
    try:
        import boto3
        from botocore.config import Config
    except ImportError as error:
        raise MissingExtra("s3", "serverless") from error
    access = access.addressed()
    config = Config(
        signature_version="s3v4",
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        connect_timeout=CONNECT_TIMEOUT_S,
        read_timeout=READ_TIMEOUT_S,
        max_pool_connections=CALLS_AT_ONCE,
        s3={"addressing_style": "auto" if access.is_amazons else "path"},
        # Other servers than Amazon's refuse the checksums that newer clients add by themselves.
        request_checksum_calculation="when_supported" if access.is_amazons else "when_required",
        response_checksum_validation="when_required",
    )
    session: Any = boto3.Session()
    return session.client(
        "s3",
        config=config,
        endpoint_url=access.endpoint_url,
        region_name=access.region,
        aws_access_key_id=access.key_id,
        aws_secret_access_key=access.secret,
    )


def _told(work: Any) -> Any:
    """What `work` returns; what boto3 raises is told as the job's error. Runs in a thread."""
    from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, PartialCredentialsError

    try:
        return work()
    except ClientError as error:
        answer = cast("dict[str, Any]", error.response)
        s3_code = str(answer.get("Error", {}).get("Code", ""))
        retries = int(answer.get("ResponseMetadata", {}).get("RetryAttempts", 0))
        details: dict[str, object] = {"s3_code": s3_code, "attempts": retries + 1}
        if s3_code in _NO_BUCKET:
            raise _failed("S3_BUCKET_NOT_FOUND", "there is no such bucket", details) from error
        if s3_code in _DENIED:
            raise _failed("S3_ACCESS_DENIED", "these keys may not write there", details) from error
        raise _failed("S3_UPLOAD_FAILED", f"the server answers {s3_code}", details) from error
    except (NoCredentialsError, PartialCredentialsError) as error:
        message = "the worker has no keys (BUCKET_ACCESS_KEY_ID and BUCKET_SECRET_ACCESS_KEY, or those of AWS)"
        raise _failed("S3_NO_CREDENTIALS", message, {}) from error
    except (BotoCoreError, ValueError) as error:
        # Of an address that is none, botocore raises ValueError.
        raise _failed("S3_UNREACHABLE", str(error), {}) from error


def _failed(code: str, said: str, details: dict[str, object]) -> JobError:
    return JobError("s3_upload_error", code, f"the audio cannot be uploaded: {said}", details)
