"""A character as JSON has it."""

import pytest
from pydantic import ValidationError

from backend.character_document import (
    MAX_LORE_TOKENS,
    CharacterDocument,
    CharacterFields,
    EntryFields,
    LorebookFields,
)
from backend.characters import Character, Lorebook, LoreEntry, Persona
from backend.errors import TooLarge

FULL = {
    "id": "ada",
    "name": " Ada \n Lovelace ",
    "voice": "nova",
    "system_prompt": "You are Ada.",
    "interruptible": False,
    "talkativeness": 0.5,
    "enabled": False,
    "description": "d",
    "personality": "p",
    "scenario": "s",
    "first_message": "f",
    "alternate_greetings": ["g"],
    "example_dialogue": "e",
    "post_history_instructions": "h",
    "lorebook": {
        "scan_depth": 2,
        "token_budget": 99,
        "name": "N",
        "entries": [{"keys": ["k"], "content": "c", "id": 7}],
    },
}


def entry(**fields):
    return EntryFields.model_validate({"content": "told", **fields}).entry()


def test_a_character_is_made_of_all_its_fields():
    """Every field has its place inside."""
    lore = Lorebook((LoreEntry("c", ("k",)),), 2, 99)
    persona = Persona("d", "p", "s", "f", ("g",), "e", "h", lore)
    ada = Character("ada", "Ada Lovelace", "nova", "You are Ada.", False, 0.5, persona)
    assert CharacterDocument.model_validate(FULL).character() == ada
    assert CharacterFields().character_called("x") == Character("x", "x")


def test_a_document_is_stored_as_it_was_given():
    """What is stored reads back the same, with what a lorebook has beyond known fields, and no more."""
    document = CharacterDocument.model_validate(FULL)
    assert document.document() == {**FULL, "name": "Ada Lovelace"}
    assert CharacterDocument.model_validate(document.document()) == document


def test_a_document_has_an_end():
    """Much of what is allowed by itself is too much together."""
    entries = [{"content": "x" * 50_000}] * 11
    with pytest.raises(TooLarge, match="512 kB"):
        CharacterDocument.model_validate({"id": "a", "lorebook": {"entries": entries}}).document()


@pytest.mark.parametrize(
    "fields",
    [
        {"talkativeness": 1.1},
        {"talkativeness": "1"},
        {"talkativeness": float("nan")},
        {"name": "x" * 129},
        {"description": 1},
        {"alternate_greetings": ["x"] * 101},
        {"lorebook": {"scan_depth": -1}},
        {"lorebook": {"entries": [{"priority": 10**10}]}},
        {"lorebook": {"extensions": {"x": float("inf")}}},
        {"id": "a/b"},
        {"id": ".."},
        {"id": ""},
    ],
)
def test_what_is_out_of_range_is_refused(fields):
    """Every field has its type and its limit, and what is only kept is JSON."""
    with pytest.raises(ValidationError):
        CharacterDocument.model_validate({"id": "a", **fields})


def test_an_entry_is_told_as_its_fields_say():
    """Secondary keys count where the entry is selective; extensions of a known tool count where there is no field."""
    assert entry(secondary_keys=["x"]).secondary_keys == ()
    assert entry(secondary_keys=["x"], selective=True).secondary_keys == ("x",)
    none_of_them = {"selectiveLogic": 2}
    assert entry(secondary_keys=["x"], selective=True, extensions=none_of_them).secondary_keys == ()
    assert entry(extensions={"case_sensitive": True}).case_sensitive
    assert (entry(insertion_order=2.7).order, entry(priority=-3).priority) == (2, -3)


@pytest.mark.parametrize(
    "fields",
    [{"enabled": False}, {"content": " "}, {"content": "@@depth 2\n\n"}, {"content": "@@dont_activate\ntext"}],
)
def test_some_entries_are_never_told(fields):
    """Those that are switched off, and those without a text."""
    assert entry(**fields) is None


def test_decorators_are_not_told():
    """Instructions to other tools in front of an entry's text are left out; the one that tells it always counts."""
    told = entry(content="\n@@depth 4\n@@activate\n\n@@dont_activate\nThe sea\n@@is wide.")
    assert (told.content, told.constant) == ("The sea\n@@is wide.", True)


def test_no_book_takes_the_whole_prompt():
    """A card cannot give itself all the room there is."""
    assert LorebookFields(token_budget=1_000_000).lorebook().token_budget == MAX_LORE_TOKENS
