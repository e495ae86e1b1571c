"""Where on S3 a job wants its audio."""

from __future__ import annotations

import pytest

from backend.serverless.bucket import Access
from backend.serverless.errors import JobError
from backend.serverless.request import destination, parse_request

OWN = {"endpointUrl": "https://s3.example", "accessId": "id", "accessSecret": "hush", "bucketName": "theirs"}


def wanted(s3_config: object = None, **given):
    return destination(parse_request({"transcript": "Hello.", **given}), s3_config, "job/../1")


def refused(s3_config: object = None, **given) -> JobError:
    with pytest.raises(JobError) as error:
        wanted(s3_config, **given)
    assert error.value.kind == "validation_error"
    return error.value


def test_nowhere_unless_asked_for():
    """Without a bucket the audio is in the output; an empty `s3Config` is none."""
    assert wanted() is None
    assert wanted({}) is None


def test_the_key_is_made_from_the_job_where_none_is_given():
    """Whatever the platform calls a job, its file stays in one folder."""
    made = wanted(s3_bucket="speech", output_format="mp3")
    assert (made.bucket, made.key, made.access) == ("speech", "voicechat/job____1.mp3", None)
    assert wanted(s3_bucket="speech", s3_key="a/b.wav").key == "a/b.wav"


def test_a_jobs_own_bucket_and_keys():
    """`input` may name another bucket and a key; server and keys stay the job's."""
    assert wanted(OWN).bucket == "theirs"
    made = wanted(OWN, s3_bucket="speech", s3_key="a.wav")
    assert (made.bucket, made.key, made.access) == ("speech", "a.wav", Access("https://s3.example", "id", "hush"))
    assert "hush" not in repr(made)


@pytest.mark.parametrize(
    ("s3_config", "given"),
    [(None, {"s3_key": "a.wav"}), (None, {"stream": True, "s3_bucket": "speech"}), (OWN, {"stream": True})],
)
def test_fields_that_go_together(s3_config, given):
    """A key needs a bucket; audio goes one way."""
    error = refused(s3_config, **given)
    assert error.code == "INVALID_INPUT"
    assert error.details["field"] in given


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("endpointUrl", "file:///etc/passwd"),
        ("endpointUrl", 7),
        ("endpointUrl", "https://" + "s3.a-a" * 1000),
        ("accessId", ""),
        ("accessSecret", None),
        ("bucketName", "../theirs"),
    ],
)
def test_an_s3_config_that_cannot_be(field, value):
    """The field is named, and no key is repeated."""
    error = refused(OWN | {field: value})
    assert (error.code, error.details["field"]) == ("INVALID_S3CONFIG", f"s3Config.{field}")
    assert "hush" not in f"{error} {error.details}"


def test_an_s3_config_that_is_no_object():
    """It is refused like any other field."""
    assert refused("https://s3.example").code == "INVALID_S3CONFIG"


@pytest.mark.parametrize(
    ("address", "region"),
    [
        ("https://s3.eu-west-1.amazonaws.com", "eu-west-1"),
        ("https://my.bucket.s3.us-gov-west-1.amazonaws.com/", "us-gov-west-1"),
        ("https://my-bucket.s3-us-west-2.amazonaws.com", "us-west-2"),
        ("https://my-bucket.s3.amazonaws.com", None),
    ],
)
def test_amazons_addresses(address, region):
    """RunPod's examples have the bucket in the address, where boto3 puts it by itself, and the region only there."""
    access = Access(address, "id", "hush").addressed()
    assert access.endpoint_url == (f"https://s3.{region}.amazonaws.com" if region else "https://s3.amazonaws.com")
    assert (access.region, access.is_amazons, access.secret) == (region, True, "hush")


def test_others_who_name_the_region_in_the_address():
    """A job cannot name it elsewhere; one that the worker's settings name goes first."""
    address = "https://s3.us-west-004.backblazeb2.com"
    assert Access(address).addressed() == Access(address, region="us-west-004")
    assert Access(address, region="eu").addressed().region == "eu"
    assert Access(address).addressed().is_amazons is False


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:9000", "https://s3.example.com", "https://x.r2.cloudflarestorage.com", None]
)
def test_other_addresses_stay_as_they_are(address):
    """Only Amazon's are known by their form."""
    access = Access(address, region="auto")
    assert access.addressed() == access
    assert access.is_amazons is (address is None)
