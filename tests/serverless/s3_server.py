"""A real implementation of S3's protocol (moto's) on a loopback socket, which can be told to fail."""

from __future__ import annotations

import re
import threading
from contextlib import contextmanager
from urllib.parse import parse_qs

import boto3
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

ERROR = '<?xml version="1.0"?><Error><Code>{}</Code><Message>as told</Message></Error>'
KEYS = {"aws_access_key_id": "key", "aws_secret_access_key": "secret", "region_name": "us-east-1"}


class S3Server:
    """`fail(kind, times, status, code)` makes the next requests of a kind fail; `requests` has the kinds that came."""

    def __init__(self) -> None:
        self._app = DomainDispatcherApplication(create_backend_app)
        self._failing: list[tuple[str, int, str]] = []
        self.requests: list[str] = []
        self.url = ""

    def fail(self, kind: str, times: int, status: int, code: str) -> None:
        self._failing += [(kind, status, code)] * times

    def __call__(self, environ, start_response):
        kind = kind_of(environ)
        self.requests.append(kind)
        failing = next((failure for failure in self._failing if failure[0] == kind), None)
        if failing is None:
            return self._app(environ, start_response)
        self._failing.remove(failing)
        environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        start_response(f"{failing[1]} Failing", [("Content-Type", "application/xml")])
        return [ERROR.format(failing[2]).encode()]

    @property
    def client(self):
        return boto3.client("s3", endpoint_url=self.url, **KEYS)

    def unfinished(self, bucket: str) -> int:
        return len(self.client.list_multipart_uploads(Bucket=bucket).get("Uploads", []))


def kind_of(environ) -> str:
    query = parse_qs(environ["QUERY_STRING"], keep_blank_values=True)
    if "uploads" in query:
        return "begin" if environ["REQUEST_METHOD"] == "POST" else "list"
    if "uploadId" in query:
        return {"PUT": "part", "POST": "complete", "DELETE": "abort"}[environ["REQUEST_METHOD"]]
    return environ["REQUEST_METHOD"]


@contextmanager
def s3_server():
    """A running server with the bucket `speech`."""
    server = S3Server()
    listener = make_server("127.0.0.1", 0, server, threaded=True)
    thread = threading.Thread(target=listener.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    server.url = f"http://127.0.0.1:{listener.server_port}"
    try:
        server.client.create_bucket(Bucket="speech")
        server.requests.clear()
        yield server
    finally:
        listener.shutdown()
        thread.join()
        listener.server_close()
        reset()


def reset() -> None:
    from moto.s3.models import s3_backends

    s3_backends.reset()


def plain(url: str) -> str:
    """An address without its signature."""
    return re.sub(r"\?.*", "", url)
