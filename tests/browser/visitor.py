"""Somebody at the page: finds things by role and name, as a person or a screen reader does."""

from __future__ import annotations

import asyncio
import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.async_api import expect

from tests.browser.loudspeaker import Loudspeaker

if TYPE_CHECKING:
    from playwright.async_api import Locator, Page, WebSocket

INTERRUPTED = re.compile("^(interrupted|not heard)")
"""The label of a reply that was cut off, and where it was."""
PATIENCE_S = 60
PICTURES = os.environ.get("VOICECHAT_SCREENSHOTS")
"""The folder that pictures go to, if there shall be any."""


class Wire:
    """What a page sends and is sent over its sockets."""

    def __init__(self, page: Page) -> None:
        self.urls: list[str] = []
        self.received: list[dict] = []
        self.sent: list[dict] = []
        self._more = asyncio.Event()
        page.on("websocket", self._opened)

    def _opened(self, socket: WebSocket) -> None:
        self.urls.append(socket.url)
        socket.on("framereceived", lambda message: self._add(self.received, message))
        socket.on("framesent", lambda message: self._add(self.sent, message))

    def _add(self, messages: list[dict], message: str | bytes) -> None:
        if isinstance(message, str):
            messages.append(json.loads(message))
            self._more.set()

    def of(self, kind: str) -> list[dict]:
        """The events of a kind that have come."""
        return [event for event in self.received if event["type"] == kind]

    def sent_of(self, kind: str) -> list[dict]:
        """The messages of a kind that were sent."""
        return [message for message in self.sent if message["type"] == kind]

    async def until(self, kind: str, count: int = 1) -> dict:
        """Wait for the `count`-th event of a kind; return it."""
        async with asyncio.timeout(PATIENCE_S):
            while len(self.of(kind)) < count:
                self._more.clear()
                await self._more.wait()
        return self.of(kind)[count - 1]


class Visitor:
    """A page, and what can be found on it."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.wire = Wire(page)
        self.loudspeaker = Loudspeaker(page)
        self.faults: list[str] = []
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.message = page.get_by_role("textbox", name="Message")
        self.stage = page.get_by_role("region", name="Who should answer")
        self.conversation = page.get_by_role("log", name="Conversation")
        self.struck = self.conversation.get_by_role("deletion")

    def button(self, name: str) -> Locator:
        """The button of that name."""
        return self.page.get_by_role("button", name=name, exact=True)

    async def connected(self) -> None:
        """Until the page has a session."""
        await expect(self.page.get_by_role("status").filter(has_text="Connected")).to_be_visible()

    async def opened(self, panel: str) -> Locator:
        """The dialog that the header's button of that name opens."""
        await self.button(panel).click()
        dialog = self.page.get_by_role("dialog", name=panel)
        await expect(dialog).to_be_visible()
        return dialog

    async def closes_panel(self) -> None:
        """Close the dialog that is open."""
        await self.page.keyboard.press("Escape")
        await expect(self.page.get_by_role("dialog")).to_have_count(0)

    async def say(self, text: str) -> None:
        """Type it and send it, which is possible once there is a session."""
        await self.connected()
        await self.message.fill(text)
        await self.message.press("Enter")

    async def shows_interruption(self, reply: Locator) -> None:
        """Until a reply is marked as cut off."""
        await expect(reply.get_by_text(INTERRUPTED).filter(visible=True)).to_be_visible()

    async def newest_heard(self) -> str:
        """What of the newest reply, which was interrupted, is shown as heard: what stands before its end that is
        struck."""
        reply = self.conversation.get_by_role("article").last
        await self.shows_interruption(reply)
        text = await reply.get_by_role("paragraph").inner_text()
        struck = await reply.get_by_role("deletion").inner_text()
        return text.removesuffix(struck).strip().removesuffix("interrupted here").strip()

    async def picture(self, name: str) -> None:
        """Keep what is to be seen now."""
        if PICTURES:
            await self.page.screenshot(path=Path(PICTURES) / f"{name}.png", animations="disabled")
