"""Cards written, and read again."""

import base64
import json

import pytest

from backend.cards import png
from backend.cards.names import V2, V3
from backend.cards.reading import MAX_KEPT_BYTES, read_card
from backend.cards.writing import json_card, png_card
from backend.character_document import CharacterDocument, CharacterFields
from tests.cards.files import FIXTURES, SIGNATURE, chunk, in_base64, text, v2
from tests.cards.files import png as png_file

FORMATS = ["json", "png"]


def document(fields, **changed):
    return CharacterDocument.model_validate({**fields.model_dump(exclude_unset=True), "id": "someone", **changed})


def written(card, format="json", spec=V3, **changed):
    """The card as a file, after a character was made of it, and that perhaps changed."""
    character = document(card.fields, **changed)
    if format == "png":
        return png_card(character, card.kept, card.portrait, spec)
    return json_card(character, card.kept, spec)


@pytest.mark.parametrize("spec", [V2, V3])
@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: path.name)
def test_a_card_comes_out_as_it_went_in(path, format, spec):
    """Imported, exported and imported again a card of each tool is the same character, to what is only kept of it; the
    portrait, too, where the format has one."""
    first = read_card(path.read_bytes())
    again = read_card(written(first, format, spec))
    assert (again.fields, again.kept) == (first.fields, first.kept)
    assert again.fields.model_dump(exclude_unset=True)["name"] == first.fields.name
    assert again.portrait == (first.portrait if format == "png" else None)
    assert written(again, format, spec) == written(read_card(written(again, format, spec)), format, spec)


@pytest.mark.parametrize("path", [path for path in FIXTURES if "text" not in path.name], ids=lambda path: path.name)
def test_nothing_that_a_card_says_is_lost(path):
    """All of what stood in the file stands in the export, under the names that it had there."""

    def inside(small, large):
        if isinstance(small, dict):
            return all(value in (None, [], {}) or inside(value, large[key]) for key, value in small.items())
        if isinstance(small, list):
            return len(small) == len(large) and all(map(inside, small, large))
        return small == large

    source = path.read_bytes()
    if source.startswith(SIGNATURE):
        source = base64.b64decode(png.read_text(source, ("ccv3", "chara")))
    card = json.loads(source)
    out = json.loads(written(read_card(path.read_bytes())))
    assert inside(card.get("data", card), out["data"])


def test_a_png_has_both_versions_and_json_says_the_first_at_the_top():
    """Tools that know only older cards find what they know."""
    card = read_card(json.dumps(v2(first_mes="Hi")).encode())
    file = written(card, "png")
    assert png.read_text(file, ("chara",)) != png.read_text(file, ("ccv3",))
    assert png.read_text(written(card, "png", V2), ("ccv3",)) is None
    told = json.loads(written(card))
    assert (told["spec"], told["spec_version"]) == ("chara_card_v3", "3.0")
    assert (told["name"], told["first_mes"], told["data"]["group_only_greetings"]) == ("Ada", "Hi", [])
    told = json.loads(written(card, spec=V2))
    assert (told["spec"], told["spec_version"], told["data"]["extensions"]) == ("chara_card_v2", "2.0", {})


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("spec", [V2, V3])
def test_the_largest_card_is_read_again(format, spec):
    """Whatever was let in can be exported and imported; the copy for older tools gives way where it must."""
    greetings = ["é" * 25_000] * 10
    notes = "x" * (MAX_KEPT_BYTES - 200)
    card = v2(alternate_greetings=greetings, first_mes="é" * 5_000, notes=notes)
    padding = chunk(b"IDAT", b"\0" * (png.MAX_PICTURE_BYTES - 200))
    first = read_card(png_file(padding, text("ccv3", in_base64(card))))
    file = written(first, format, spec)
    again = read_card(file)
    assert (again.fields, again.kept) == (first.fields, first.kept)
    if (format, spec) == ("png", V3):
        assert png.read_text(file, ("chara",)) is None


def test_what_cards_know_nothing_of_survives():
    """The voice and the manners of a character that was made here come back with its card."""
    fields = CharacterFields(name="Ada", voice="nova", interruptible=False, talkativeness=0.7)
    again = read_card(json_card(document(fields), {})).fields
    assert (again.voice, again.interruptible, again.talkativeness) == ("nova", False, 0.7)


def test_what_a_later_version_writes_survives():
    """Our own extension may come to hold more; it goes through this version unharmed."""
    own = {"voice": "nova", "mood": ["calm"]}
    card = read_card(json.dumps(v2(extensions={"voicechat": own})).encode())
    assert json.loads(written(card))["data"]["extensions"]["voicechat"] == own
    assert json.loads(written(card, voice="onyx"))["data"]["extensions"]["voicechat"] == {**own, "voice": "onyx"}


def test_changes_are_exported():
    """What was changed since the import is what the export says, also where the card had said it otherwise."""
    card = read_card(FIXTURES[0].read_bytes())
    tilda = read_card(next(path for path in FIXTURES if path.name == "sillytavern.json").read_bytes())
    changed = json.loads(written(tilda, name="Matilda", talkativeness=0.9, description="New.", lorebook=None))
    assert (changed["name"], changed["data"]["name"], changed["data"]["description"]) == ("Matilda", "Matilda", "New.")
    assert changed["data"]["extensions"]["talkativeness"] == 0.9
    assert changed["data"]["extensions"]["depth_prompt"]["depth"] == 4
    assert "character_book" not in changed["data"]
    assert read_card(written(card, name="Osk")).fields.name == "Osk"


def test_a_nickname_is_what_changes():
    """A card's title stays its title when the character is called otherwise."""
    card = read_card(json.dumps(v2(name="Ada, the Engineer", nickname="Ada")).encode())
    told = json.loads(written(card, name="Countess"))["data"]
    assert (told["name"], told["nickname"]) == ("Ada, the Engineer", "Countess")
