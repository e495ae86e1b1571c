"""The cast is changed in its panel, and the conversation has it so."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import expect

from tests.browser.engines import scripted
from tests.cards.files import in_png, v2

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def test_a_character_that_is_added_answers(serve, visit):
    """It takes its place on the stage at once, is who it was said to be, and speaks."""
    engines = scripted("I repair engines.", character_s=0.01)
    visitor = await visit(await serve(engines))
    cast = await visitor.opened("Cast")
    await cast.get_by_role("button", name="Add a character").click()
    await cast.get_by_role("button", name="Save").click()
    await expect(cast.get_by_role("alert")).to_have_text("It needs a name.")
    await cast.get_by_role("textbox", name="Name").fill("Ada")
    await cast.get_by_role("textbox", name="Who it is").fill("You are Ada, who repairs engines.")
    await cast.get_by_role("button", name="Save").click()
    await expect(cast.get_by_role("listitem").filter(has_text="Ada")).to_be_visible()
    await visitor.closes_panel()
    await visitor.button("Ada").click()
    await visitor.say("Who are you?")
    await expect(visitor.conversation.get_by_role("heading", name="Ada")).to_be_visible()
    await expect(visitor.conversation).to_contain_text("I repair engines.")
    await visitor.loudspeaker.sounds()
    assert "You are Ada, who repairs engines." in str(engines.llm.requests[-1])


async def test_the_order_is_changed_by_keys(serve, visit):
    """The focus stays on who is moved, the new place is announced, and stage and server have that order."""
    visitor = await visit(await serve(scripted()))
    cast = await visitor.opened("Cast")
    handle = cast.get_by_role("button", name=re.compile("^Move Iris"))
    await handle.focus()
    await visitor.page.keyboard.press("Home")
    await expect(cast.get_by_role("status").filter(has_text="Iris: place 1 of 3")).to_be_attached()
    await visitor.page.keyboard.press("ArrowDown")
    await expect(cast.get_by_role("status").filter(has_text="Iris: place 2 of 3")).to_be_attached()
    await expect(handle).to_be_focused()
    for _ in range(2):
        await visitor.closes_panel()
        for place, name in enumerate(("Nora", "Iris", "Oscar")):
            await expect(visitor.stage.get_by_role("button").nth(place)).to_have_accessible_name(name)
        await visitor.page.reload()


async def test_a_card_is_imported(serve, visit, tmp_path):
    """A file that is chosen becomes a character in the scene; one that is no card is refused by its name."""
    card, letter = tmp_path / "ada.png", tmp_path / "letter.json"
    card.write_bytes(in_png(v2(description="Ada repairs engines.")))
    letter.write_text("Dear Ada,")
    visitor = await visit(await serve(scripted()))
    cast = await visitor.opened("Cast")
    for file in (card, letter):
        async with visitor.page.expect_file_chooser() as chooser:
            await cast.get_by_role("button", name="Import a card").click()
        await (await chooser.value).set_files(file)
        if file is card:
            await expect(cast.get_by_role("status").filter(has_text="Ada was added.")).to_be_visible()
    await expect(cast.get_by_role("alert")).to_contain_text("letter.json: ")
    await expect(cast.get_by_role("listitem")).to_have_count(4)
    await visitor.closes_panel()
    await expect(visitor.button("Ada")).to_be_visible()


async def test_each_voice_can_be_listened_to(serve, visit):
    """Beside every voice of the server there is a button that plays it, and stops it."""
    engines = scripted(character_s=0.1)
    visitor = await visit(await serve(engines))
    cast = await visitor.opened("Cast")
    await cast.get_by_role("button", name=re.compile("Nora.*Edit")).click()
    listen = cast.get_by_role("group", name="Voice").get_by_role("button", name="Listen")
    await expect(listen).to_have_count(len(engines.tts.voices))
    async with visitor.page.expect_response("**/v1/audio/speech") as answer:
        await listen.nth(1).click()
    assert (await answer.value).ok
    assert list(engines.tts.pitches_hz) == [engines.tts.voices[1]]
    stop = cast.get_by_role("group", name="Voice").get_by_role("button", name="Stop")
    await expect(stop).not_to_have_attribute("aria-busy", "true")
    await stop.click()
    await expect(listen).to_have_count(len(engines.tts.voices))
