"""Whether a text is English, so that its numbers and abbreviations may be put into English words.

A short text seldom proves its language, so the question is asked the other way round: English unless most letters
are of another script or the small words of another language outnumber the English ones.
"""

from __future__ import annotations

import re

from backend.speakable.wordlists import words

_OTHER_SCRIPT = re.compile(r"[\u0370-\u1dff\u2c00-\u2dff\u3040-\ud7ff\uf900-\ufdff\ufe70-\ufefe\uff66-\uffdc]")
_LATIN = re.compile(r"[A-Za-z\u00c0-\u024f]")
_ACCENTED = re.compile(r"[\u00c0-\u024f]")
_WORDS_SEEN = 60
"""Words looked at; a longer text has shown its language by then."""

_ENGLISH = frozenset(
    words(
        "the and of to a is are was were it its i i'm you you're he she we they this that these those for with from "
        "at by my your our their not but or if be been have has had do does did will would can could should about "
        "what when where who how why there here in on"
    )
)
# Words that English text does not use, not even in names ("Los Angeles"), initialisms ("MIT") or as fillers ("um").
_FOREIGN = frozenset(
    words(
        # German
        "das und ist ich nicht ein eine einen dem zu auf für von wir ihr sich auch wie aber oder bei nach uhr es "
        "haben habe hat kostet wird bin sind "
        # French
        "le les et une je j'ai tu il elle nous vous ne pas que qui c'est dans avec ce cette mais sont ont ça coûte "
        # Spanish
        "y una para como más pero yo muy está son tengo hay cuesta de la el del "
        # Italian
        "gli è che sono della anche ho costa "
        # Portuguese
        "uma não você mas com são às eu tenho "
        # Dutch
        "het een ik niet met voor zijn ook maar heb "
        # Swedish, Danish, Norwegian
        "och är jag inte det som på av til jeg ikke og med för har "
        # Polish, Turkish, Indonesian
        "w się nie jest mam bir ve bu için yang ini"
    )
)


def is_english(text: str) -> bool:
    """True unless `text` is visibly in another language."""
    ascii_only = text.isascii()
    if not ascii_only:
        other = len(_OTHER_SCRIPT.findall(text))
        if other and other * 2 > len(_LATIN.findall(text)):
            return False
    foreign = english = 0
    for word in text.casefold().split(None, _WORDS_SEEN)[:_WORDS_SEEN]:
        bare = word.strip(".,!?;:\"'()")
        if bare in _ENGLISH:
            english += 1
        elif bare in _FOREIGN:
            foreign += 1
    needed = 2 if ascii_only or not _ACCENTED.search(text) else 1
    return foreign < needed or foreign <= english
