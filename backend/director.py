"""Who speaks next. Pure functions of what was said and of a seeded draw, so that every choice can be made again."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

    from backend.characters import Character
    from backend.lines import ReplyLine

_ALL = re.compile(
    r"\b(every(?:one|body)|(?:all|each|both|two|three) of you|you all|y'all|you (?:two|three|four|both|guys|folks|lot)|"
    r"(?:hi|hello|hey|good (?:morning|evening|night)|thanks|thank you),? (?:all|folks|guys|team))\b",
    re.IGNORECASE,
)
_QUESTION_AT_THE_END = re.compile(r"([^.!?…\n]*)\?[\"'”’*)\]\s]*\Z")


def choose_speakers(
    text: str,
    cast: Sequence[Character],
    chance: random.Random,
    *,
    to: Sequence[str] = (),
    heard: ReplyLine | None = None,
    last: Character | None = None,
) -> list[Character]:
    """The characters that answer `text`, in order; never empty for a cast that is not.

    `to`: ids chosen by the person, which decide alone. `heard`: the reply that was heard last. `last`: whom the person
    was last talking with.
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
    first = _asked(heard.remembered, heard.character, cast) if heard else None
    if first is None:
        first = by_id.get(last.id) if last else None
    if first is None:
        first = _draw(cast, chance) or cast[0]
    joining = [other for other in cast if other is not first and chance.random() < other.talkativeness]
    return [first, *joining]


def choose_next(said: ReplyLine, cast: Sequence[Character], chance: random.Random) -> Character | None:
    """Who goes on among themselves when `said` has been written: whom it asks, else whom it names, else a draw, else
    the next in scene order. Never who said it; `None` when nobody else is there, or nothing was said."""
    speaker = said.character
    place = next((place for place, other in enumerate(cast) if other.id == speaker.id), -1)
    others = [*cast[place + 1 :], *cast[: max(0, place)]]
    if not others or not said.remembered.strip():
        return None
    asked = _asked(said.remembered, speaker, cast)
    named = _named(said.remembered, others)
    return asked or (named[0] if named else None) or _draw(others, chance) or others[0]


def _asked(said: str, by: Character, cast: Sequence[Character]) -> Character | None:
    """Whom a question at the end names."""
    question = _QUESTION_AT_THE_END.search(said)
    named = _named(question[1], [other for other in cast if other.id != by.id]) if question else []
    return named[0] if named else None


def _draw(cast: Sequence[Character], chance: random.Random) -> Character | None:
    """One of them, the more talkative the likelier; `None` where nobody is talkative at all."""
    weights = [character.talkativeness for character in cast]
    return chance.choices(cast, weights)[0] if any(weights) else None


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
