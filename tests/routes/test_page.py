"""The files of the browser page over a real socket: what a browser, a cache and a command line are sent."""

from __future__ import annotations

import gzip
from contextlib import asynccontextmanager

import httpx2
import pytest

from backend.routes.page import FRONTEND, Page, takes_gzip
from tests.openai_server import serve_app

SCRIPT = "export const answer = 42;\n" * 400
PIXEL = b"\x89PNG" + bytes(2000)


@pytest.fixture
def folder(tmp_path):
    files = tmp_path / "page"
    files.mkdir()
    (files / "index.html").write_text("<!doctype html><title>page</title>")
    (files / "main.js").write_text(SCRIPT)
    (files / "pixel.png").write_bytes(PIXEL)
    return files


@asynccontextmanager
async def asking(folder):
    """`ask(path, method, **headers)`, which changes nothing of what comes back but what gzip has to be undone."""
    async with (
        serve_app(Page(folder)) as (port, _),
        httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http,
    ):

        async def ask(path, method="GET", encoding="gzip, br", **headers):
            sent = {name.replace("_", "-"): value for name, value in headers.items()}
            async with http.stream(method, path, headers={"accept-encoding": encoding, **sent}) as answer:
                body = b"".join([piece async for piece in answer.aiter_raw()])
            return answer, body

        yield ask


@pytest.mark.parametrize(
    ("header", "takes"),
    [
        ("gzip", True),
        ("GZIP", True),
        ("deflate, gzip;q=1.0, *;q=0.5", True),
        ("br;q=1.0, gzip; q=0.8", True),
        ("*", True),
        ("", False),
        ("br", False),
        ("identity", False),
        ("gzip;q=0", False),
        ("gzip; q=0.000", False),
        ("*;q=0", False),
        ("gzip;q=0, *", False),
    ],
)
def test_who_takes_gzip(header, takes):
    """Only a client that says so is sent compressed files."""
    assert takes_gzip(header) == takes


async def test_text_is_compressed_for_who_takes_it(folder):
    """The same file comes compressed and as it is, with the same name for a cache and a note that it depends."""
    async with asking(folder) as ask:
        small, packed = await ask("/main.js")
        plain, body = await ask("/main.js", encoding="identity")
    assert gzip.decompress(packed) == body == SCRIPT.encode()
    assert small.headers["content-encoding"] == "gzip"
    assert int(small.headers["content-length"]) == len(packed) < len(body) / 4
    assert "content-encoding" not in plain.headers
    for answer in (small, plain):
        assert answer.status_code == 200
        assert answer.headers["vary"] == "accept-encoding"
        assert answer.headers["content-type"].startswith("text/javascript")
        assert answer.headers["etag"].startswith("W/")
    assert small.headers["etag"] == plain.headers["etag"]


async def test_images_are_sent_as_they_are(folder):
    """What is compressed already is not compressed again."""
    async with asking(folder) as ask:
        answer, body = await ask("/pixel.png")
    assert "content-encoding" not in answer.headers
    assert body == PIXEL


@pytest.mark.parametrize("encoding", ["gzip", "identity"])
async def test_what_the_browser_has_is_not_sent_again(folder, encoding):
    """With its tag a file that has not changed is a 304 without a body; one that has is sent, compressed or not."""
    async with asking(folder) as ask:
        first, _ = await ask("/main.js", encoding=encoding)
        again, nothing = await ask("/main.js", encoding=encoding, if_none_match=first.headers["etag"])
        assert (again.status_code, nothing) == (304, b"")
        for name in ("etag", "vary", "cache-control"):
            assert again.headers[name] == first.headers[name]
        (folder / "main.js").write_text("changed();")
        changed, body = await ask("/main.js", encoding=encoding, if_none_match=first.headers["etag"])
        assert changed.status_code == 200
        assert (gzip.decompress(body) if encoding == "gzip" else body) == b"changed();"


@pytest.mark.parametrize("encoding", ["gzip", "identity"])
async def test_head_tells_what_get_would(folder, encoding):
    """HEAD has the headers of GET and no body."""
    async with asking(folder) as ask:
        whole, _ = await ask("/main.js", encoding=encoding)
        head, body = await ask("/main.js", "HEAD", encoding=encoding)
    assert (head.status_code, body) == (200, b"")
    volatile = {"date"}
    assert {k: v for k, v in head.headers.items() if k not in volatile} == {
        k: v for k, v in whole.headers.items() if k not in volatile
    }


async def test_a_range_is_of_the_file_as_it_is(folder):
    """Whoever asks for bytes 7 to 11 gets those of the file, not of its compressed form, and never a mixture."""
    async with asking(folder) as ask:
        part, body = await ask("/main.js", range="bytes=7-11")
        assert (part.status_code, body) == (206, b"const")
        assert part.headers["content-range"] == f"bytes 7-11/{len(SCRIPT)}"
        assert "content-encoding" not in part.headers
        beyond, _ = await ask("/main.js", range="bytes=999999-")
        assert beyond.status_code == 416
        unsure, whole = await ask("/main.js", range="bytes=7-11", if_range=part.headers["etag"])
        assert (unsure.status_code, whole) == (200, SCRIPT.encode())


async def test_every_file_has_the_policy(folder):
    """Nothing from elsewhere is loaded, no inline script runs, no string becomes markup, nobody frames the page."""
    async with asking(folder) as ask:
        for path in ("/", "/main.js", "/pixel.png"):
            answer, _ = await ask(path)
            policy = dict(part.split(" ", 1) for part in answer.headers["content-security-policy"].split("; "))
            assert policy["default-src"] == "'none'"
            assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
            assert policy["require-trusted-types-for"] == "'script'"
            assert not {"'unsafe-inline'", "'unsafe-eval'", "*"} & set(" ".join(policy.values()).split())
            assert "camera=()" in answer.headers["permissions-policy"]
            assert "microphone=(self)" in answer.headers["permissions-policy"]
            assert answer.headers["x-content-type-options"] == "nosniff"


async def test_the_page_is_under_150_kilobytes():
    """The first load stays light: every file of the page together, as a browser fetches them."""
    sizes = []
    async with asking(FRONTEND) as ask:
        for file in sorted(FRONTEND.rglob("*")):
            if file.suffix in {".html", ".css", ".js", ".svg"}:
                answer, body = await ask(f"/{file.relative_to(FRONTEND)}")
                assert answer.headers["content-encoding"] == "gzip"
                sizes.append(len(body))
    assert 0 < sum(sizes) < 150_000
