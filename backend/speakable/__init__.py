"""What a voice says for a written sentence: no markup, no emoji, numbers and signs in words.

Language models write for the eye even when told not to. The steps, in order: markup, pictures, stage directions; then,
for English, addresses, abbreviations, dates, amounts, numbers and signs; at last punctuation. A text in another
language keeps its numbers and signs, which its own voice knows how to read.
"""

from __future__ import annotations

import re

from backend.speakable.abbreviations import spoken_abbreviations
from backend.speakable.actions import without_actions
from backend.speakable.addresses import spoken_addresses
from backend.speakable.amounts import spoken_amounts
from backend.speakable.language import is_english
from backend.speakable.markup import plain
from backend.speakable.moments import spoken_moments, spoken_times
from backend.speakable.numerals import join_numbers, spoken_numerals
from backend.speakable.symbols import spoken_signs, tidy, without_pictures

_DIGIT = re.compile("[0-9²³½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞]")


_PASSES = 4
"""A pass can uncover what the next one reads (markup within markup); what people write settles after one."""


def speakable(text: str) -> str:
    """What to say for `text`, a written sentence or paragraph; empty when there is nothing to say.

    Deterministic and idempotent, takes any string, and its time grows linearly with the length of the text.
    """
    for _ in range(_PASSES):
        said = _once(text)
        if said == text:
            break
        text = said
    return text


def _once(text: str) -> str:
    text = _single_spaced(without_actions(_single_spaced(without_pictures(plain(text)))))
    if is_english(text):
        text = _in_english_words(text)
    return tidy(text)


def _in_english_words(text: str) -> str:
    text = spoken_abbreviations(spoken_addresses(text))
    if _DIGIT.search(text):
        text = spoken_times(join_numbers(spoken_moments(text)))
        text = spoken_numerals(spoken_amounts(text))
    return spoken_signs(text)


def _single_spaced(text: str) -> str:
    """Long runs of white space would make the patterns that begin with optional space slow."""
    return " ".join(text.split())
