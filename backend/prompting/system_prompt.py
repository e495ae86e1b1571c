"""What a character is told before anything is said: who it is, where, with whom, and what happened before.

It changes only with the cast, the scene or the summary, so that servers can reuse what they computed of it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from backend.lorebook import told
from backend.macros import expand
from backend.prompting.cropping import beginning
from backend.tokens import estimated_tokens

if TYPE_CHECKING:
    from backend.characters import Character
    from backend.prompting.situation import Situation

_START = re.compile(r"^[ \t]*<START>[ \t]*$", re.IGNORECASE | re.MULTILINE)
_FIRST_SENTENCE = re.compile(r".{12,}?[.!?](?=\s|$)|.+")
_INTRODUCTION_CHARACTERS = 160


def system_prompt(character: Character, situation: Situation, user_name: str) -> str:
    """All of it. It takes at most half of the prompt: of a card that says more, what comes last is cropped, the example
    dialogue first."""
    card, name = character.persona, character.name

    def filled(text: str, before: str = "") -> str:
        text = expand(text, name, user_name).strip()
        return before + text if text else ""

    rules = _rules(character, situation, user_name)
    described = (
        filled(character.system_prompt) or f"You are {name}.",
        filled(card.description),
        filled(card.personality, f"{name}'s personality: "),
        filled(card.scenario, "What this is about: "),
    )
    around = (
        filled(situation.scene, "The scene: "),
        _company(character, situation, user_name),
        "\n".join(filled(entry) for entry in told(card.lorebook, ())),
        filled(_START.sub("", card.example_dialogue), f"Examples of how {name} speaks:\n"),
    )
    rest = situation.tokens // 2 - estimated_tokens(rules)
    kept: list[str] = []
    for part in (*described, *around):
        kept.append(beginning(part, max(0, rest)))
        rest -= estimated_tokens(kept[-1]) + 1
    kept.insert(len(described), rules)
    return "\n\n".join(part for part in kept if part)


def _rules(character: Character, situation: Situation, user_name: str) -> str:
    others = [other.name for other in situation.cast if other.id != character.id]
    company = f" Also present: {', '.join(others)}. Never speak for them or for {user_name}." if others else ""
    heard = (
        " Your words are spoken aloud: plain sentences, no markup, no lists, no emoji. Be brief unless asked for more."
    )
    return (
        f"You are {character.name} in a {'spoken ' if situation.aloud else ''}conversation with {user_name}.{company} "
        f"Say only {character.name}'s own next line, without a name in front.{heard if situation.aloud else ''}"
    )


def _company(character: Character, situation: Situation, user_name: str) -> str:
    """Who the others are, a line each, of those whose card says so."""
    lines: list[str] = []
    for other in situation.cast:
        found = _FIRST_SENTENCE.search(expand(other.persona.description, other.name, user_name).strip())
        if other.id != character.id and found:
            said = found[0].strip()
            short = said if len(said) <= _INTRODUCTION_CHARACTERS else f"{said[:_INTRODUCTION_CHARACTERS].rstrip()}…"
            lines.append(f"{other.name}: {short}")
    return "\n".join(("Who the others are:", *lines)) if lines else ""
