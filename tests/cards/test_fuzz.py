"""Cards as nobody means them: every one is a character or a sentence."""

from __future__ import annotations

import json
import sys
from random import Random

import pytest

from backend.cards.reading import Card, read_card
from backend.cards.writing import json_card, png_card
from backend.character_document import CharacterDocument
from backend.errors import InvalidRequest, TooLarge
from backend.lorebook import told
from backend.macros import expand
from tests.cards.mutation import mutated

CARDS = 500
CALLS = 1_000_000
"""Of functions, Python's and C's together, that reading one card takes at most: a tenth of a second."""


class Counted:
    """Counts calls of functions: work, on any machine."""

    def __enter__(self):
        self.calls = 0
        sys.setprofile(self._count)
        return self

    def _count(self, _frame, event, _argument):
        if event in ("call", "c_call"):
            self.calls += 1

    def __exit__(self, *_):
        sys.setprofile(None)


def outcome(file: bytes) -> Card | InvalidRequest | TooLarge:
    """What becomes of a file; what else is raised is a fault."""
    try:
        return read_card(file)
    except (InvalidRequest, TooLarge) as error:
        return error


@pytest.mark.parametrize("seed", range(10))
def test_every_card_is_a_character_or_a_sentence(seed):
    """Whatever a file holds, reading it ends, after a bounded number of steps, in a character that can be stored,
    spoken with and exported, or in a clear error."""
    random = Random(seed)
    characters = 0
    for _ in range(CARDS // 10):
        file = mutated(random)
        with Counted() as counted:
            found = outcome(file)
        assert counted.calls < CALLS
        if isinstance(found, Card):
            characters += 1
            use(found)
        else:
            assert 0 < len(str(found)) < 300
            assert "\n" not in str(found)
            json.dumps([str(found), found.param]).encode()
    assert 5 < characters < CARDS // 10


def use(card: Card) -> None:
    """All that is done with a card later."""
    character = CharacterDocument.model_validate({**card.fields.model_dump(exclude_unset=True), "id": "x"})
    json.dumps([card.fields.model_dump(), card.kept], allow_nan=False).encode()
    persona = character.character().persona
    for text in (
        persona.description,
        *persona.greetings,
        *told(persona.lorebook, ["a lamp, a storm, a boat" + "a" * 500]),
    ):
        expand(text, character.name, "{{user}}")
    for file in (json_card(character, card.kept), png_card(character, card.kept, card.portrait)):
        again = read_card(file)
        assert (again.fields, again.kept) == (card.fields, card.kept)
