"""What is chosen in the settings, and that it lasts."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.browser.engines import scripted

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def ground(visitor) -> str:
    """The colour behind everything."""
    return await visitor.page.evaluate("getComputedStyle(document.body).backgroundColor")


async def test_a_theme_lasts(serve, visit):
    """Dark looks as it does to those whose system is dark, at once and after the page was loaded again."""
    address = await serve(scripted())
    visitor, night = await visit(address), await visit(address, color_scheme="dark")
    dark = await ground(night)
    assert await ground(visitor) != dark
    settings = await visitor.opened("Settings")
    await settings.get_by_role("radio", name="Dark").check()
    assert await ground(visitor) == dark
    await visitor.page.reload()
    assert await ground(visitor) == dark
    settings = await visitor.opened("Settings")
    await expect(settings.get_by_role("radio", name="Dark")).to_be_checked()


async def test_a_way_of_talking_lasts(serve, visit):
    """Push-to-talk is told to the server when it is chosen, and again when the page is loaded again."""
    visitor = await visit(await serve(scripted()))
    settings = await visitor.opened("Settings")
    await settings.get_by_role("checkbox", name="Push-to-talk").check()
    await visitor.page.reload()
    await visitor.connected()
    modes = [message["turn"]["mode"] for message in visitor.wire.sent_of("session.configure")]
    assert modes == ["auto", "push_to_talk", "push_to_talk"]
    settings = await visitor.opened("Settings")
    await expect(settings.get_by_role("checkbox", name="Push-to-talk")).to_be_checked()
