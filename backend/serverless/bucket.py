"""Where on S3 a job wants its audio: names by S3's rules, and the keys a job may bring along. No I/O."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator

if TYPE_CHECKING:
    from backend.settings import WorkerSettings

MAX_KEY_BYTES = 1024

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_ADDRESS = re.compile(r"\d+(\.\d+){3}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_REGION = r"[a-z]+(?:-[a-z]+)+-\d+"
_AMAZONS = re.compile(rf"https?://(?:[a-z0-9.-]+\.)?s3(?:[.-](?:dualstack\.)?({_REGION}))?\.amazonaws\.com/?")
"""Amazon's own addresses, with the region; the bucket may stand before it, as RunPod's examples have it."""
_REGIONAL = re.compile(rf"https?://(?:[a-z0-9.-]+\.)?s3\.({_REGION})\..*")
"""Those of others who name the region as Amazon does."""


@dataclass(frozen=True, slots=True)
class Access:
    """A server and the keys for it. What is `None` is left to boto3: `AWS_...` variables, a role."""

    endpoint_url: str | None = None
    key_id: str | None = None
    secret: str | None = field(default=None, repr=False)
    region: str | None = None

    @property
    def is_amazons(self) -> bool:
        """Whether this is Amazon's server, as far as is known here."""
        return self.endpoint_url is None or _AMAZONS.fullmatch(self.endpoint_url) is not None

    def addressed(self) -> Access:
        """The same with the region that requests are signed for, where the address tells it, and with Amazon's address
        as boto3 wants it, without a bucket."""
        address = self.endpoint_url or ""
        if amazons := _AMAZONS.fullmatch(address):
            region = self.region or amazons[1]
            place = f"s3.{region}" if region else "s3"
            return replace(self, endpoint_url=f"https://{place}.amazonaws.com", region=region)
        regional = _REGIONAL.fullmatch(address)
        return replace(self, region=self.region or regional[1]) if regional else self


@dataclass(frozen=True, slots=True)
class Destination:
    """A file on S3. `access` is the job's own; without it the worker's is used."""

    bucket: str
    key: str
    access: Access | None = None


def workers_access(settings: WorkerSettings) -> Access:
    """What the worker uploads with unless a job says otherwise."""
    return Access(
        settings.s3_endpoint_url, settings.s3_access_key_id, settings.s3_secret_access_key, settings.s3_region
    )


def encodable(text: str) -> str:
    """`text`, if it can be written anywhere; else `ValueError`."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError("has half of a surrogate pair, which is no character") from error
    return text


def _bucket(name: str) -> str:
    """By S3's naming rules for general purpose buckets."""
    reserved = name.startswith(("xn--", "sthree-", "amzn-s3-demo-")) or name.endswith(("-s3alias", "--ol-s3", ".mrap"))
    if not _BUCKET.fullmatch(name) or ".." in name or _ADDRESS.fullmatch(name) or reserved:
        raise ValueError("is no name of an S3 bucket: 3 to 63 lower-case letters, digits, dots and hyphens")
    return name


def _key(key: str) -> str:
    if len(encodable(key).encode()) > MAX_KEY_BYTES:
        raise ValueError(f"has at most {MAX_KEY_BYTES} bytes")
    unsafe = _CONTROL.search(key) or "\\" in key
    if unsafe or any(part in ("", ".", "..") for part in key.split("/")):
        raise ValueError("is a path such as speech/one.wav, without empty parts, dots for parts and control characters")
    return key


BucketName = Annotated[str, AfterValidator(_bucket)]
ObjectKey = Annotated[str, AfterValidator(_key)]
