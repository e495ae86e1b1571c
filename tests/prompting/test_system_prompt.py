"""What a character is told before anything is said."""

from __future__ import annotations

from dataclasses import replace

import pytest

from backend.characters import Lorebook, LoreEntry, Persona
from backend.prompting.situation import Situation
from backend.prompting.system_prompt import system_prompt
from backend.tokens import estimated_tokens
from tests.sessions import CAST, IRIS, MARA, THEO

CARD = Persona(
    description="{{char}} is a diver of forty. She knows {{user}} from school.",
    personality="brave, curt",
    scenario="{{user}} has come to buy a boat.",
    example_dialogue="<START>\n{{user}}: Cold?\n{{char}}: Always.\n<START>\n{{char}}: Mind the rope.",
    lorebook=Lorebook((LoreEntry("The sea is called Anselm.", constant=True), LoreEntry("Ropes rot.", ("rope",)))),
)
DIVER = replace(MARA, persona=CARD)


def test_the_prompt_names_company_and_forbids_speaking_for_it():
    """Every character is told who else is there and that it speaks only for itself."""
    prompt = system_prompt(MARA, Situation(CAST), "User")
    assert prompt.startswith("You are Mara.")
    assert "Theo, Iris" in prompt
    assert "Never speak for them" in prompt


def test_who_is_only_read_is_not_told_that_it_is_heard():
    """Rules for the voice are for what is spoken."""
    aloud, silent = (system_prompt(MARA, Situation(CAST, aloud=way), "User") for way in (True, False))
    assert ("spoken" in aloud, "spoken" in silent) == (True, False)
    assert "Say only Mara's own next line" in silent


def test_all_of_the_card_is_told_with_names_in_place():
    """Description, personality, scenario, what it always knows and how it speaks; not what only some words call up."""
    prompt = system_prompt(DIVER, Situation((DIVER, THEO), "A harbour at night."), "Ben")
    for part in (
        "Mara is a diver of forty. She knows Ben from school.",
        "Mara's personality: brave, curt",
        "What this is about: Ben has come to buy a boat.",
        "The scene: A harbour at night.",
        "The sea is called Anselm.",
        "Ben: Cold?\nMara: Always.",
    ):
        assert part in prompt
    assert "Ropes rot." not in prompt
    assert not {"{{", "<START>"} & {part for part in ("{{", "<START>") if part in prompt}


def test_the_others_are_known_by_the_beginning_of_their_cards():
    """A line each, of those who have a card; what a prompt of theirs says is theirs alone."""
    prompt = system_prompt(THEO, Situation((DIVER, THEO, IRIS)), "Ben")
    assert "Who the others are:\nMara: Mara is a diver of forty." in prompt
    assert "school" not in prompt
    assert "You are Iris" not in prompt
    assert "Who the others are" not in system_prompt(DIVER, Situation((DIVER, THEO)), "Ben")


@pytest.mark.parametrize("tokens", [512, 1536, 7680])
def test_a_long_card_leaves_half_of_the_prompt(tokens):
    """The rules stay whatever a card holds; how it speaks is left out first."""
    long = replace(
        CARD,
        description="She dives. " * 200,
        personality="猫" * 300,
        example_dialogue="Always cold. " * 4000,
    )
    diver = replace(MARA, persona=long, system_prompt="You are Mara, who dives.")
    prompt = system_prompt(diver, Situation((diver, THEO, IRIS), "A harbour.", tokens=tokens), "Ben")
    assert estimated_tokens(prompt) <= tokens // 2
    assert "You are Mara, who dives." in prompt
    assert "You are Mara in a spoken conversation with Ben. Also present: Theo, Iris." in prompt
