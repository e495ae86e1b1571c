"""What a model writes is text, and what the page's policy forbids does not happen."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import TimeoutError, expect

from tests.browser.engines import scripted

pytestmark = pytest.mark.asyncio(loop_scope="package")

PATIENCE_S = 10
MARKUP = (
    "<b>Bold</b> <img src=x onerror=\"document.title='taken'\"> <script>document.title='taken'</script> "
    '<a href="javascript:document.title=1">here</a> &amp; <style>body{display:none}</style> </p></div>, the end.'
)

INTRUSIONS = {
    "inline script": "add('script', { text: 'taken = true' });",
    "script in an address": "add('script', { src: 'data:,taken=true' });",
    "event handler": "body.insertAdjacentHTML('beforeend', '<img src=\"/icon.svg\" onload=\"taken = true\">');",
    "event attribute": "add('img', { src: '/icon.svg' }).setAttribute('onload', 'taken = true');",
    "code in a string": "setTimeout('taken = true');",
}
"""Ways of running code that came as data."""

LEAKS = {
    "fetch": "fetch(elsewhere).catch(() => {});",
    "socket": "new WebSocket(elsewhere.replace('http', 'ws'));",
    "image": "add('img', { src: elsewhere });",
    "style": "body.style.backgroundImage = `url(${elsewhere})`;",
    "script": "add('script', { src: elsewhere });",
    "frame": "add('iframe', { src: elsewhere });",
    "beacon": "navigator.sendBeacon(elsewhere, 'words');",
    "form": "add('form', { action: elsewhere }).submit();",
}
"""Ways of telling somebody else."""

WATCH = """() => {
  window.taken = false;
  window.refusals = [];
  window.body = document.body;
  window.add = (tag, properties) => {
    const node = Object.assign(document.createElement(tag), properties);
    body.append(node);
    return node;
  };
  window.attempt = (what) => {
    try {
      what();
    } catch (error) {
      refusals.push(String(error));
    }
  };
  document.addEventListener("securitypolicyviolation", (event) => refusals.push(event.effectiveDirective));
}"""


@pytest.fixture
def cast_file(tmp_path):
    """A cast whose only name is markup."""
    path = tmp_path / "cast.json"
    path.write_text(json.dumps({"characters": [{"id": "eve", "name": "<i>Eve</i>", "system_prompt": "You are Eve."}]}))
    return path


async def test_markup_shows_as_text(serve, visit, cast_file):
    """A line, a reply and a name full of HTML and script show letter by letter, and nothing of it takes effect."""
    visitor = await visit(await serve(scripted(MARKUP, character_s=0.002), characters=cast_file))
    title = await visitor.page.title()
    await visitor.say(f"Repeat: {MARKUP}")
    await visitor.wire.until("turn.done")
    for text in ("<i>Eve</i>", f"Repeat: {MARKUP}"):
        await expect(visitor.conversation).to_contain_text(text)
    assert (await visitor.conversation.text_content()).count(MARKUP) == 2
    await expect(visitor.conversation.get_by_role("link")).to_have_count(0)
    assert await visitor.page.title() == title


async def test_the_policy_stops_intruders(serve, visit):
    """Nothing runs that came as data, whichever way it is brought in; where there is no policy all of it does."""
    address = await serve(scripted())
    guarded, bare = await visit(address), await visit(address, bypass_csp=True)
    for name, attempt in INTRUSIONS.items():
        await attempted(guarded.page, attempt)
        await until(guarded.page, "refusals.length > 0", name)
        assert not await guarded.page.evaluate("taken"), name
        await attempted(bare.page, attempt)
        await until(bare.page, "taken", name)
    guarded.faults.clear()  # code in a string is refused by an error


async def test_the_policy_stops_leaks(serve, visit):
    """Nothing goes to another origin, whichever way it is sent; where there is no policy all of it does."""
    address = await serve(scripted())
    guarded, bare = await visit(address), await visit(address, bypass_csp=True)
    for name, attempt in LEAKS.items():
        async with elsewhere() as (there, reached):
            await attempted(guarded.page, attempt, there)
            await until(guarded.page, "refusals.length > 0", name)
            assert not reached.is_set(), name
            await attempted(bare.page, attempt, there)
            async with asyncio.timeout(PATIENCE_S):
                await reached.wait()
    guarded.faults.clear()  # a forbidden socket is an error


async def until(page, condition: str, name: str) -> None:
    """Until this is true in the page."""
    try:
        await page.wait_for_function(f"() => {condition}", timeout=PATIENCE_S * 1000)
    except TimeoutError:
        raise AssertionError(f"{name}: never {condition}") from None


async def attempted(page, attempt: str, address: str = "") -> None:
    """Run this in the page; whatever it throws is one of its `refusals`."""
    await page.evaluate(WATCH)
    await page.evaluate(f"(elsewhere) => setTimeout(() => attempt(() => {{ {attempt} }}))", address)


@asynccontextmanager
async def elsewhere():
    """An address of another origin, and whether anything has been sent there; that a browser connects early tells
    nobody anything."""
    reached = asyncio.Event()

    class Listener(asyncio.Protocol):
        def data_received(self, data: bytes) -> None:
            reached.set()

    server = await asyncio.get_running_loop().create_server(Listener, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/", reached
