"""Character cards, read."""

import json

import pytest

from backend.cards.png import MAX_PICTURE_BYTES
from backend.cards.reading import MAX_CARD_BYTES, MAX_KEPT_BYTES, read_card
from backend.errors import InvalidRequest, TooLarge
from tests.cards import files
from tests.cards.files import FIXTURES, in_base64, in_png, png, text, v2

BY_NAME = {path.name: path for path in FIXTURES}


def read(card):
    return read_card(json.dumps(card).encode())


def fixture(name):
    return read_card(BY_NAME[name].read_bytes())


def test_a_card_of_sillytavern_is_read_whole():
    """Every field has its place, from the picture as from JSON, and its own fields are kept."""
    card, same = fixture("sillytavern.png"), fixture("sillytavern.json")
    assert (card.fields, card.kept) == (same.fields, same.kept)
    assert (card.portrait is None, same.portrait is None) == (False, True)
    fields = card.fields
    assert (fields.name, fields.talkativeness, fields.voice, fields.interruptible) == ("Tilda Vos", 0.3, None, True)
    assert fields.description.startswith("{{char}} keeps the lighthouse")
    assert fields.system_prompt.endswith("Stay on the island.")
    assert fields.first_message.startswith("*She hangs up")
    assert len(fields.alternate_greetings) == 2
    assert fields.example_dialogue.count("<START>") == 2
    assert card.kept["data"]["extensions"]["depth_prompt"]["prompt"] == "The storm grows."
    assert card.kept["data"]["creator"] == "harbourmaster"
    assert card.kept["root"]["create_date"] == "2024-11-02@20h15m02s"
    lore = fields.character_called("tilda").persona.lorebook
    assert [entry.keys for entry in lore.entries] == [("lamp", "light"), ("/st(o|0)rm(s|y)?/i",), ("boat",), ()]
    assert [entry.secondary_keys for entry in lore.entries] == [(), (), ("name", "called"), ()]
    assert [entry.order for entry in lore.entries] == [99, 98, 97, 96]


def test_a_card_of_risuai_is_read_whole():
    """Its nickname is the name that it is called by, decorators are not told, and nothing in it runs."""
    card = fixture("risuai.png")
    assert (card.fields.name, card.kept["data"]["name"]) == ("이나", "이나 (카페 이야기)")
    assert card.kept["data"]["assets"][1]["uri"] == "__asset:1"
    assert card.kept["data"]["extensions"]["risuai"]["backgroundHTML"] == "<script>alert(1)</script>"
    assert b"chara-ext-asset" not in card.portrait
    lore = card.fields.character_called("ina").persona.lorebook
    assert (lore.scan_depth, lore.token_budget) == (5, 1000)
    assert [(entry.keys, entry.content) for entry in lore.entries] == [(("커피", "coffee"), "커피는 직접 볶는다.")]


def test_a_card_of_agnai_is_read_whole():
    """Its persona stays with it, and what no specification knows as well."""
    card = fixture("agnai.json")
    assert card.fields.name == "Brother Osk"
    assert card.kept["data"]["extensions"]["agnai"]["persona"]["kind"] == "sbf"
    assert card.fields.lorebook.model_extra["is_not_in_any_spec"] == {"deep": [1, 2.5, None, True]}
    assert [entry.priority for entry in card.fields.lorebook.entries] == [10, 0]


def test_older_cards_are_read_too():
    """Cards of text-generation-webui and of TavernAI have other names for the same, or nothing around them."""
    wren, ruy = fixture("text_generation_webui.json"), fixture("tavernai.png")
    assert (wren.fields.name, wren.fields.scenario) == ("Wren", "Closing time.")
    assert (wren.fields.first_message[:4], wren.fields.example_dialogue[:7]) == ("Shop", "<START>")
    assert (ruy.fields.name, ruy.fields.personality, ruy.fields.first_message) == (
        "Captain Ruy",
        "gruff",
        "Aboard, <USER>!",
    )
    assert ruy.kept["data"]["edit_date"] == 1680000000


def test_version_3_is_preferred():
    """A picture with both versions gives the third."""
    both = png(text("chara", in_base64(v2(name="Old"))), text("ccv3", in_base64(v2(name="New"))))
    assert read_card(both).fields.name == "New"


@pytest.mark.parametrize(
    ("data", "field", "value"),
    [
        ({"description": None}, "description", ""),
        ({"description": 7}, "description", "7"),
        ({"alternate_greetings": "Hi"}, "alternate_greetings", ["Hi"]),
        ({"alternate_greetings": None}, "alternate_greetings", []),
        ({"extensions": None}, "talkativeness", 0),
        ({"extensions": {"talkativeness": "0.25"}}, "talkativeness", 0.25),
        ({"extensions": {"talkativeness": 17}}, "talkativeness", 1),
        ({"extensions": {"talkativeness": "-inf"}}, "talkativeness", 0),
        ({"extensions": {"talkativeness": 10**400}}, "talkativeness", 1),
        ({"talkativeness": 0.5}, "talkativeness", 0.5),
        ({"name": " A\nB\tC\0 "}, "name", "A B C"),
        ({"description": "a\ud83d\ude00b\ud83dc"}, "description", "a😀b\ufffdc"),
        ({"extensions": {"voicechat": {"voice": "nova", "interruptible": "false"}}}, "voice", "nova"),
    ],
)
def test_what_can_be_meant_is_understood(data, field, value):
    """Tools write numbers as texts, leave out what they do not know, and cut characters in half."""
    assert getattr(read(v2(**data)).fields, field) == value


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": []}, "name"),
        ({"name": "x" * 200}, "name"),
        ({"nickname": {}}, "nickname"),
        ({"description": {"a": 1}}, "description"),
        ({"description": "x" * 60_000}, "description"),
        ({"first_mes": ["Hi"]}, "first_mes"),
        ({"alternate_greetings": ["Hi", {}]}, "alternate_greetings.1"),
        ({"alternate_greetings": ["Hi"] * 101}, "alternate_greetings"),
        ({"extensions": []}, "extensions"),
        ({"extensions": {"talkativeness": "often"}}, "talkativeness"),
        ({"extensions": {"talkativeness": "nan"}}, "talkativeness"),
        ({"extensions": {"voicechat": {"interruptible": "maybe"}}}, "extensions.voicechat.interruptible"),
        ({"extensions": {"voicechat": {"voice": "x" * 200}}}, "voice"),
        ({"character_book": []}, "character_book"),
        ({"character_book": {"entries": 1}}, "character_book.entries"),
        ({"character_book": {"entries": [1]}}, "character_book.entries.0"),
        ({"character_book": {"scan_depth": "deep"}}, "character_book.scan_depth"),
        ({"character_book": {"entries": [{"content": []}]}}, "character_book.entries.0.content"),
        ({"character_book": {"entries": [{"keys": {}}]}}, "character_book.entries.0.keys"),
        ({"character_book": {"entries": [{"enabled": 2}]}}, "character_book.entries.0.enabled"),
        ({"character_book": {"entries": [{}] * 1001}}, "lorebook.entries"),
        ({"character_book": {"entries": [{"keys": ["x"] * 101}]}}, "lorebook.entries.0.keys"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(data, field):
    """The error says which field of the card is wrong."""
    with pytest.raises(InvalidRequest) as raised:
        read(v2(**data))
    assert raised.value.param == field


@pytest.mark.parametrize(
    "file",
    [
        b"",
        b"\xff\xfe{\0",
        b"[]",
        b"null",
        b"{}",
        b'{"spec": "lorebook_v3", "data": {"entries": []}}',
        b'{"data": {"name": "Ada", "x": NaN}}'.replace(b"NaN", b"1e999"),
        b'{"data": {"name": "Ada", "x": NaN}}',
        b'{"data": {"name": "Ada", "x": ' + b"9" * 5000 + b"}}",
        b'{"name": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"name": "Ada", "x": ' + b'{"a":' * 100 + b"1" + b"}" * 100 + b"}",
        b'{"name": "Ada", "x": [' + b"1," * 600_000 + b"1]}",
        png(),
        png(text("chara", b"%%%")),
        png(text("chara", b"rcc||rccv1||abc||def||e30=")),
        png(text("chara", b"")),
        in_png([1, 2]),
        in_png(v2(name=None)),
    ],
)
def test_what_is_no_card_is_refused_in_words(file):
    """Files that are something else, or nothing, are answered with a sentence."""
    with pytest.raises(InvalidRequest) as raised:
        read_card(file)
    assert len(str(raised.value)) < 200
    assert raised.value.param


@pytest.mark.parametrize(
    "file",
    [
        bytes(MAX_CARD_BYTES + 1),
        json.dumps(v2(notes="x" * MAX_KEPT_BYTES)).encode(),
        json.dumps(v2(alternate_greetings=["x" * 50_000] * 11)).encode(),
        png(text("chara", in_base64(v2())), files.chunk(b"IDAT", bytes(MAX_PICTURE_BYTES))),
    ],
    ids=["file", "kept", "character", "portrait"],
)
def test_what_is_too_large_is_refused(file):
    """A file has an end, and each of its parts an earlier one."""
    with pytest.raises(TooLarge):
        read_card(file)


def test_nothing_usual_is_kept():
    """A card that says nothing of its own leaves nothing to keep, so that what is kept is what is told apart by."""
    usual = v2(creator="", tags=[], creator_notes="", character_version="", extensions={}, group_only_greetings=[])
    assert read(usual).kept == {"data": {}, "root": {}}
    assert read_card(files.in_png(usual)).kept == {"data": {}, "root": {}}
