"""What a first visit costs."""

from __future__ import annotations

import pytest

from tests.browser.engines import scripted

pytestmark = pytest.mark.asyncio(loop_scope="package")

MOST_BYTES = 150_000


async def test_the_first_load_is_small_and_all_from_one_place(serve, visit):
    """With an empty cache everything comes from the server itself, headers included in less than 150 kB."""
    address = await serve(scripted())
    visitor = await visit("about:blank", tapped=False)
    sizes, urls = {}, {}
    network = await visitor.page.context.new_cdp_session(visitor.page)
    network.on("Network.requestWillBeSent", lambda event: urls.update({event["requestId"]: event["request"]["url"]}))
    network.on("Network.loadingFinished", lambda event: sizes.update({event["requestId"]: event["encodedDataLength"]}))
    await network.send("Network.enable")
    await visitor.page.goto(address)
    await visitor.connected()
    await visitor.page.wait_for_load_state("networkidle")
    assert {url[: len(address)] for url in urls.values()} == {address}
    assert set(sizes) == set(urls)
    assert 10_000 < sum(sizes.values()) < MOST_BYTES, {urls[id]: size for id, size in sizes.items()}
