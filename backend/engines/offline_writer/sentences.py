"""Sentences as pieces of text: taken out of a line, cleaned for speaking, quoted, ended."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from backend.engines.offline_writer.wording import words

if TYPE_CHECKING:
    from collections.abc import Sequence

SENTENCE = re.compile(r"[^.!?…]+(?:[.!?…]+[\"”]?|$)")


def focus(text: str) -> str:
    """The sentence of a line to answer: its last question, else its longest sentence."""
    sentences = [sentence.strip() for sentence in SENTENCE.findall(text[:2000]) if sentence.strip()]
    questions = [sentence for sentence in sentences if sentence.endswith("?")]
    return questions[-1] if questions else max(sentences, key=len, default=text[:2000])


def unaddressed(text: str, name: str) -> str:
    """`text` without the character's own name at its beginning or end."""
    first = name.split(" ", 1)[0]
    if not first:
        return text
    called = rf"(?:{re.escape(name)}|{re.escape(first)})"
    text = re.sub(rf"^((?:hi|hello|hey|so|and|oh)?,? ?){called}\b[,:.!]?\s*", r"\1", text[:2000], flags=re.IGNORECASE)
    return re.sub(rf",? {called}([.!?]*)$", r"\1", text, flags=re.IGNORECASE)


def clean(text: str) -> str:
    """Only what can be spoken: words, commas between them, nothing that ends a sentence."""
    return re.sub(r"\s+", " ", re.sub(r"[^\w\s,'’-]|_", " ", text)).strip(" ,")


def quoted(text: str, most: int) -> str:
    """The first sentences of `text` up to about `most` words, as one quotation without sentence ends."""
    kept: list[str] = []
    for sentence in SENTENCE.findall(text[:1000]):
        spoken = clean(sentence).split()
        if kept and len(kept) + len(spoken) > most:
            break
        kept += [*(word[:40] for word in spoken[:-1]), f"{spoken[-1][:40]},"] if spoken else []
    return " ".join(kept[:most]).strip(" ,-")


def without_quotation(text: str) -> str:
    """What was repeated already is repeated without its frame."""
    inside = re.search(r"\"([^\"]+)\"", text)
    return inside[1] if inside else text


def listed(names: Sequence[str]) -> str:
    """ "Ann, Ben and Cy"."""
    cleaned = [clean(name) for name in names]
    return " and ".join(filter(None, (", ".join(cleaned[:-1]), *cleaned[-1:])))


def ended(sentence: str) -> str:
    """`sentence` with a capital at its beginning and a stop at its end."""
    sentence = re.sub(r"\s+([.!?,])", r"\1", sentence.strip())
    sentence = re.sub(r"^(\"?)(\w)", lambda match: match[1] + match[2].upper(), sentence)
    if sentence.endswith('"'):
        return sentence if sentence[-2:-1] in ".!?" else f'{sentence[:-1]}."'
    return sentence if sentence.endswith((".", "!", "?")) else f"{sentence}."


def comparable(sentence: str) -> str:
    """What makes two sentences the same: their words."""
    return " ".join(words(sentence)).casefold()
