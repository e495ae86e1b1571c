"""A character as JSON has it: in the HTTP API, in the native protocol, in a file of `--characters`, in the database.

The lorebook is that of character cards, with their names for things; what it has beyond the fields here is kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from backend.characters import Character, Lorebook, LoreEntry, Persona
from backend.cleaning import as_object, cleaned, size
from backend.errors import TooLarge

if TYPE_CHECKING:
    from backend.storage.tables import Document

MAX_NAME_CHARACTERS = 128
MAX_TEXT_CHARACTERS = 50_000
MAX_GREETINGS = 100
MAX_ENTRIES = 1_000
MAX_KEYS = 100
MAX_KEY_CHARACTERS = 1_000
MAX_SCAN_DEPTH = 400
MAX_NUMBER = 1_000_000_000
MAX_DOCUMENT_BYTES = 512 << 10
"""Of one character, all texts together."""
MAX_LORE_TOKENS = 4_096
"""Told at once, whatever a lorebook's budget is: the conversation needs room as well."""


def _on_one_line(name: str) -> str:
    return " ".join(name.split())


Id = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^\w[\w.-]*$")]
Name = Annotated[str, StringConstraints(max_length=MAX_NAME_CHARACTERS), AfterValidator(_on_one_line)]
VoiceName = Annotated[str, StringConstraints(max_length=128)]
Text = Annotated[str, StringConstraints(max_length=MAX_TEXT_CHARACTERS)]
Keys = Annotated[list[Annotated[str, StringConstraints(max_length=MAX_KEY_CHARACTERS)]], Field(max_length=MAX_KEYS)]
Number = Annotated[int | float, Field(ge=-MAX_NUMBER, le=MAX_NUMBER)]


class _Fields(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore", frozen=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _clean(cls, given: Any) -> Any:
        return cleaned(given)


class EntryFields(_Fields):
    """An entry of a lorebook."""

    model_config = ConfigDict(extra="allow")
    keys: Keys = []
    secondary_keys: Keys = []
    selective: bool = Field(False, description="whether the secondary keys count")
    content: Text = ""
    enabled: bool = True
    constant: bool = Field(False, description="told always")
    case_sensitive: bool = False
    insertion_order: Number = Field(0, description="the lower is told first")
    priority: Number = Field(0, description="the lowest is left out first")

    def entry(self) -> LoreEntry | None:
        """The entry as it is told; `None` for one that never is."""
        content, decorators = _undecorated(self.content)
        activated = "@@activate" in decorators
        if not self.enabled or not content or ("@@dont_activate" in decorators and not activated):
            return None
        of_sillytavern = as_object((self.model_extra or {}).get("extensions"))
        # Its other logics (none of the keys, not all of them) have no counterpart here.
        any_of_them = of_sillytavern.get("selectiveLogic") in (None, 0)
        return LoreEntry(
            content=content,
            keys=tuple(self.keys),
            secondary_keys=tuple(self.secondary_keys) if self.selective and any_of_them else (),
            constant=self.constant or activated,
            case_sensitive=self.case_sensitive or of_sillytavern.get("case_sensitive") is True,
            order=int(self.insertion_order),
            priority=int(self.priority),
        )


class LorebookFields(_Fields):
    """What a character knows."""

    model_config = ConfigDict(extra="allow")
    entries: Annotated[list[EntryFields], Field(max_length=MAX_ENTRIES)] = []
    scan_depth: int = Field(Lorebook().scan_depth, ge=0, le=MAX_SCAN_DEPTH, description="lines searched for keys")
    token_budget: int = Field(Lorebook().token_budget, ge=0, le=MAX_NUMBER, description="tokens told at once")

    def lorebook(self) -> Lorebook:
        """The entries that may be told."""
        entries = (fields.entry() for fields in self.entries)
        budget = min(self.token_budget, MAX_LORE_TOKENS)
        return Lorebook(tuple(entry for entry in entries if entry is not None), self.scan_depth, budget)


class CharacterFields(_Fields):
    """A character without its id."""

    name: Name = ""
    voice: VoiceName | None = None
    system_prompt: Text = ""
    interruptible: bool = True
    talkativeness: Annotated[float, Field(ge=0, le=1)] = 0.0
    description: Text = ""
    personality: Text = ""
    scenario: Text = ""
    first_message: Text = ""
    alternate_greetings: Annotated[list[Text], Field(max_length=MAX_GREETINGS)] = []
    example_dialogue: Text = ""
    post_history_instructions: Text = ""
    lorebook: LorebookFields | None = None

    def character_called(self, id: str) -> Character:
        """The character with that id, which is its name if it has none."""
        return Character(
            id=id,
            name=self.name or id,
            voice=self.voice or "",
            system_prompt=self.system_prompt,
            interruptible=self.interruptible,
            talkativeness=self.talkativeness,
            persona=Persona(
                description=self.description,
                personality=self.personality,
                scenario=self.scenario,
                first_message=self.first_message,
                alternate_greetings=tuple(self.alternate_greetings),
                example_dialogue=self.example_dialogue,
                post_history_instructions=self.post_history_instructions,
                lorebook=Lorebook() if self.lorebook is None else self.lorebook.lorebook(),
            ),
        )


class CharacterDocument(CharacterFields):
    """A character of the stored cast."""

    id: Id
    enabled: bool = True

    def character(self) -> Character:
        """The character as everybody inside knows it."""
        return self.character_called(self.id)

    def document(self) -> Document:
        """What is stored. Raises `TooLarge`."""
        document = self.model_dump(exclude_unset=True)
        check_size(document)
        return document


def check_size(document: Document) -> None:
    """Raises `TooLarge` for more than one character may say of itself."""
    if size(document) > MAX_DOCUMENT_BYTES:
        raise TooLarge(f"a character has at most {MAX_DOCUMENT_BYTES >> 10} kB of text")


def _undecorated(content: str) -> tuple[str, set[str]]:
    """The text of an entry, and the names of the decorators of V3 in front of it (lines such as `@@depth 4`)."""
    lines = content.strip().splitlines()
    text = next((place for place, line in enumerate(lines) if line.strip() and not line.startswith("@@")), len(lines))
    return "\n".join(lines[text:]), {line.split()[0] for line in lines[:text] if line.strip()}
