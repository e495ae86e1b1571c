"""One browser for all of these tests, a server and a page for each."""

from __future__ import annotations

from contextlib import AsyncExitStack

import pytest_asyncio

from backend.app import create_app
from backend.settings import Settings
from tests.browser.chromium import chromium as running_chromium
from tests.browser.loudspeaker import serve_recording, tap
from tests.browser.visitor import Visitor
from tests.openai_server import serve_app
from tests.tasks import none_left_behind

DESKTOP = {"width": 1280, "height": 800}


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def chromium(tmp_path_factory):
    """The browser, and its microphone."""
    async with running_chromium(tmp_path_factory.mktemp("microphone")) as running:
        yield running


@pytest_asyncio.fixture(autouse=True, loop_scope="package")
async def no_leaked_tasks(chromium):
    """As everywhere, in the loop that these tests share."""
    with none_left_behind():
        yield


@pytest_asyncio.fixture(loop_scope="package")
async def serve():
    """Starts servers: `await serve(engines, **settings)` is the address of one."""
    async with AsyncExitStack() as stack:

        async def start(engines=None, **settings) -> str:
            app = create_app(Settings(**settings), engines)
            serve_recording(app)
            port, _ = await stack.enter_async_context(serve_app(app))
            return f"http://127.0.0.1:{port}"

        yield start


@pytest_asyncio.fixture(loop_scope="package")
async def visit(chromium, serve):
    """Opens pages: `await visit(address, **context)` is somebody at one, who has never been there before."""
    visitors: list[Visitor] = []
    async with AsyncExitStack() as stack:

        async def arrive(address: str, *, tapped: bool = True, **options) -> Visitor:
            options = {"viewport": DESKTOP, "permissions": ["microphone"], **options}
            context = await chromium.browser.new_context(**options)
            stack.push_async_callback(context.close)
            if tapped:
                await tap(context)
            visitor = Visitor(await context.new_page())
            visitors.append(visitor)
            await visitor.page.goto(address)
            return visitor

        yield arrive
    assert [fault for visitor in visitors for fault in visitor.faults] == []
