"""Who answers: the characters addressed, in the order named; all when all are addressed; else whoever the person was
last talking with. A pure function of what was said."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backend.characters import Character

_ALL = re.compile(
    r"\b(every(?:one|body)|(?:all|each|both|two|three) of you|you all|y'all|you (?:two|three|four|both|guys|folks|lot)|"
    r"(?:hi|hello|hey|good (?:morning|evening|night)|thanks|thank you),? (?:all|folks|guys|team))\b",
    re.IGNORECASE,
)


def choose_speakers(
    text: str, cast: Sequence[Character], last: Character | None, to: Sequence[str] = ()
) -> list[Character]:
    """The characters that answer `text`, in order; never empty for a cast that is not.

    `to`: ids chosen by the person, which decide alone. `last`: whom the person was last talking with.
    """
    by_id = {character.id: character for character in cast}
    chosen = [by_id[id_] for id_ in dict.fromkeys(to) if id_ in by_id]
    if chosen:
        return chosen
    named = _named(text, cast)
    if named:
        return named
    if _ALL.search(text):
        return list(cast)
    return [by_id[last.id]] if last and last.id in by_id else list(cast[:1])


def _named(text: str, cast: Sequence[Character]) -> list[Character]:
    """Characters whose name (or its first word, of three letters or more) stands in the text, in the order named."""
    places: list[tuple[int, Character]] = []
    for character in cast:
        first_word = character.name.split()[0] if character.name.split() else ""
        names = [character.name] + ([first_word] if len(first_word) >= 3 else [])
        pattern = "|".join(re.escape(name) for name in names if name)
        found = re.search(rf"(?<!\w)(?:{pattern})(?!\w)", text, re.IGNORECASE) if pattern else None
        if found:
            places.append((found.start(), character))
    return [character for _, character in sorted(places, key=lambda place: place[0])]
