"""Without a mouse, without eyes, without motion."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.browser.engines import scripted

pytestmark = pytest.mark.asyncio(loop_scope="package")

REPLY = "The harbour is quiet tonight, the boats are in, and the tide turns at four in the morning. " * 4


async def focused(visitor) -> str:
    """The accessible name of what has the focus."""
    return await visitor.page.evaluate("document.activeElement.computedName ?? ''")


async def test_keyboard_only(serve, visit):
    """Tab reaches everything, Enter sends to whom was chosen with the space bar, Esc cuts in."""
    visitor = await visit(await serve(scripted(REPLY)))
    await expect(visitor.button("Nora")).to_be_visible()
    keyboard = visitor.page.keyboard
    await tab_to(visitor, visitor.button("Oscar"))
    await keyboard.press("Space")
    await expect(visitor.button("Oscar")).to_have_attribute("aria-pressed", "true")
    await tab_to(visitor, visitor.message)
    await keyboard.type("Tell me about the harbour.")
    await keyboard.press("Enter")
    assert (await visitor.wire.until("turn.started"))["characters"] == ["oscar"]
    await visitor.loudspeaker.sounds()
    await keyboard.press("Escape")
    await visitor.loudspeaker.is_silent()
    await expect(visitor.message).to_be_focused()
    await tab_to(visitor, visitor.button("Microphone"))
    await keyboard.press("Enter")
    await expect(visitor.button("Microphone")).to_have_attribute("aria-pressed", "true")


async def test_push_to_talk(chromium, serve, visit):
    """What is said while the space bar is held is answered when it is let go, and nothing else that is said is sent."""
    visitor = await visit(await serve(scripted("Very well.")))
    await visitor.button("Settings").click()
    await visitor.page.get_by_role("dialog", name="Settings").get_by_role("checkbox", name="Push-to-talk").check()
    await visitor.page.keyboard.press("Escape")
    await chromium.record("tell me about the harbour")
    await visitor.button("Microphone").click()
    await expect(visitor.button("Microphone")).to_have_attribute("aria-pressed", "true")
    await visitor.page.get_by_role("region", name="What was said").focus()
    await visitor.page.keyboard.down("Space")
    await visitor.wire.until("transcript.partial")
    await visitor.page.keyboard.up("Space")
    await expect(visitor.conversation).to_contain_text("Very well.")
    assert len(visitor.wire.of("turn.started")) == 1


async def tab_to(visitor, wanted, most: int = 40) -> None:
    """Press Tab until this has the focus."""
    for _ in range(most):
        await visitor.page.keyboard.press("Tab")
        if await wanted.evaluate("node => node === document.activeElement"):
            return
    raise AssertionError(f"Tab does not reach {wanted}")


async def test_reduced_motion(serve, visit):
    """Who asks for no motion sees none: at the first visit, while an answer is awaited, and while it is heard."""
    visitor = await visit(await serve(scripted(REPLY)), reduced_motion="reduce")
    await expect(visitor.button("Nora")).to_be_visible()
    assert await running_animations(visitor) == []
    await visitor.say("Tell me about the harbour.")
    await visitor.wire.until("turn.started")
    assert await running_animations(visitor) == []
    await visitor.loudspeaker.sounds()
    assert await running_animations(visitor) == []


async def running_animations(visitor) -> list[str]:
    """What moves, longer than anybody sees."""
    return await visitor.page.evaluate(
        """document.getAnimations()
             .filter((each) => each.playState === "running" && each.effect.getComputedTiming().activeDuration > 50)
             .map((each) => each.animationName ?? each.transitionProperty)"""
    )


async def test_screen_reader(serve, visit):
    """Everything has a role and a name, and what comes is announced where it must be and only there."""
    visitor = await visit(await serve(scripted(REPLY)))
    await visitor.connected()
    await expect(visitor.page.locator("body")).to_match_aria_snapshot(
        """
        - banner:
          - heading "voicechat" [level=1]
          - status: /Connected/
          - navigation "Panels":
            - button "Cast"
            - button "Conversations"
            - button "Latency"
            - button "Settings"
        - main:
          - region "Who should answer":
            - button "Nora"
            - button "Oscar"
            - button "Iris"
          - region "What was said":
            - region /Talk with/:
              - heading /Talk with/ [level=2]
              - button "Turn on the microphone"
            - log "Conversation"
        - contentinfo:
          - textbox "Message"
          - button "Microphone"
          - button "Send"
        """
    )
    await visitor.say("Tell me about the harbour.")
    await visitor.loudspeaker.sounds()
    await expect(visitor.conversation).to_match_aria_snapshot(
        """
        - log "Conversation":
          - article:
            - heading "You"
            - paragraph: Tell me about the harbour.
          - article:
            - heading /Nora|Oscar|Iris/
            - paragraph: /The harbour is quiet/
        """
    )
