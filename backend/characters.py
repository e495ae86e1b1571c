"""Who takes part: a character, what its card says of it, and what it knows.

Knows nothing of files, prompts or sound.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class LoreEntry:
    """Something a character knows, told to the language model when one of `keys` has just been spoken of."""

    content: str
    keys: tuple[str, ...] = ()
    secondary_keys: tuple[str, ...] = ()
    """Where there are any, one of them must have been spoken of as well."""
    constant: bool = False
    """Told always, whatever was spoken of."""
    case_sensitive: bool = False
    order: int = 0
    """Of what is told, the lower stands first."""
    priority: int = 0
    """When not everything fits, the lowest is left out first."""


@dataclass(frozen=True, slots=True)
class Lorebook:
    """What a character knows. `scan_depth`: how many of the newest lines are searched for keys; `token_budget`: how
    much is told at once, estimated."""

    entries: tuple[LoreEntry, ...] = ()
    scan_depth: int = 4
    token_budget: int = 512


NO_LORE = Lorebook()


@dataclass(frozen=True, slots=True)
class Persona:
    """What a character card says, beyond the prompt. `{{char}}` and `{{user}}` stand for the names of the character and
    of the person in every text."""

    description: str = ""
    personality: str = ""
    scenario: str = ""
    first_message: str = ""
    """What the character says when a conversation begins with it."""
    alternate_greetings: tuple[str, ...] = ()
    example_dialogue: str = ""
    """Conversations that show how it speaks, each after a line `<START>`."""
    post_history_instructions: str = ""
    """Told after everything that was said."""
    lorebook: Lorebook = NO_LORE

    @property
    def greetings(self) -> tuple[str, ...]:
        """Everything it may begin a conversation with."""
        return tuple(text for text in (self.first_message, *self.alternate_greetings) if text.strip())


NO_PERSONA = Persona()

MAX_CAST = 12
"""Characters that take part at once."""


@dataclass(frozen=True, slots=True)
class Character:
    """A member of the cast. `voice` names a voice of the speech engine."""

    id: str
    name: str
    voice: str = ""
    system_prompt: str = ""
    interruptible: bool = True
    """Whether speaking up cuts this character off; otherwise what was said is answered when it has finished."""
    talkativeness: float = 0.0
    """How likely, from 0 to 1, it joins in when nobody in particular was addressed."""
    persona: Persona = field(default=NO_PERSONA, repr=False)
